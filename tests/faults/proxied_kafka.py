"""A broker that each worker reaches through a proxy of its own, also after it has learnt the broker's addresses."""

from collections.abc import Mapping, Sequence

from typing_extensions import override

from streams.stack.kafka_server import KafkaServer
from streams.stack.ports import free_ports


class ProxiedKafka(KafkaServer):
    """``proxy_ports``: for each worker the port of its proxy. A listener for each is advertised under that port.

    A client is told the addresses of the listener that it came in by; with one listener a worker would be led past its
    proxy by the first answer. ``bootstrap_servers`` goes to the broker directly.
    """

    def __init__(self, proxy_ports: Sequence[int], *, properties: Mapping[str, str]) -> None:
        super().__init__(properties=properties)
        self._proxy_ports = tuple(proxy_ports)
        self.listener_ports = tuple(free_ports(len(proxy_ports)))

    @override
    def _prepare(self) -> Sequence[str]:
        own, controller = self._ports
        names = [f"WORKER_{number}" for number in range(len(self._proxy_ports))]
        clients = f"CLIENTS://127.0.0.1:{own}"
        listeners = [
            f"{name}://127.0.0.1:{port}" for name, port in zip(names, self.listener_ports, strict=True)
        ]
        advertised = [
            f"{name}://127.0.0.1:{port}" for name, port in zip(names, self._proxy_ports, strict=True)
        ]
        plain = [f"{name}:PLAINTEXT" for name in ("CLIENTS", "CONTROLLER", *names)]
        self._properties |= {
            "listeners": ",".join((clients, f"CONTROLLER://127.0.0.1:{controller}", *listeners)),
            "advertised.listeners": ",".join((clients, *advertised)),
            "listener.security.protocol.map": ",".join(plain),
        }
        return super()._prepare()

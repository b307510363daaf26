"""Free ports on 127.0.0.1 that stay ours while a server is down for a moment."""

import random
import socket
from contextlib import ExitStack
from pathlib import Path

from streams.stack.errors import StackError

_EPHEMERAL_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOWEST = 20_000
_ROOM = 1_000
_TRIES = 200


def free_ports(count: int) -> list[int]:
    """Different ports that nobody listens on now. Another process may still take one before it is used.

    Raises StackError where none is found.
    """
    candidates = _candidates()
    ports: list[int] = []
    with ExitStack() as held:
        for _ in range(_TRIES):
            if len(ports) == count:
                return ports
            probe = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            port = random.choice(candidates)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            ports.append(port)
    raise StackError(f"no {count} free ports on 127.0.0.1 between {candidates[0]} and {candidates[-1]}")


def _candidates() -> range:
    """Ports that the kernel never gives to outgoing connections.

    A port from that range can be lost while its server restarts: a client that keeps trying to reach it may be given
    that very port as its own, connects to itself, and the server finds its address in use.
    """
    try:
        first, last = (int(part) for part in _EPHEMERAL_RANGE.read_text().split())
    except (OSError, ValueError):
        first, last = 32_768, 60_999
    if first - _LOWEST >= _ROOM:
        return range(_LOWEST, first)
    if 65_536 - last > _ROOM:
        return range(last + 1, 65_536)
    return range(_LOWEST, 65_536)

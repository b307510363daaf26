"""A real Kafka: one node, broker and controller, from packages alone."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from typing_extensions import override

from streams.stack.jars import kafka_jars
from streams.stack.java import java_command, startup_cache
from streams.stack.kafka_settings import LOG_SETTINGS, broker_properties, write_identity
from streams.stack.locked_jars import BOOTSTRAP_CHECKPOINT
from streams.stack.server import Server


class KafkaServer(Server):
    """``properties`` are broker settings that win over ours; ``java_options`` likewise (``-Xmx1g``).

    The first start on a machine fetches 44 MB into the user's cache.
    """

    name: ClassVar[str] = "kafka"
    # A start takes 1.5 to 6 s on a quiet machine, and has taken 87 on one with a load of 28.
    start_seconds: ClassVar[float] = 180.0
    stop_seconds: ClassVar[float] = 30.0
    _ready_line: ClassVar[bytes] = b"Kafka Server started"
    _port_count: ClassVar[int] = 2

    def __init__(
        self,
        data_folder: Path | None = None,
        *,
        properties: Mapping[str, str] | None = None,
        java_options: Sequence[str] = (),
    ) -> None:
        super().__init__(data_folder)
        self._properties = dict(properties or {})
        self._java_options = tuple(java_options)

    @property
    @override
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def bootstrap_servers(self) -> str:
        return self.address

    @override
    def _prepare(self) -> Sequence[str]:
        data = self.folder / "data"
        broker_port, controller_port = self._ports
        settings = self.folder / "server.properties"
        settings.write_text(
            broker_properties(
                broker_port=broker_port, controller_port=controller_port, data=data, extra=self._properties
            )
        )
        log_settings = self.folder / "log4j2.properties"
        log_settings.write_text(LOG_SETTINGS)
        write_identity(data, BOOTSTRAP_CHECKPOINT)
        jars = kafka_jars()
        options = [f"-Dlog4j2.configurationFile={log_settings}", *self._cache_options(), *self._java_options]
        return java_command(jars, options, "kafka.Kafka", [str(settings)])

    def _cache_options(self) -> list[str]:
        cache = startup_cache()
        return [f"-XX:AOTCache={cache}"] if cache.is_file() else []

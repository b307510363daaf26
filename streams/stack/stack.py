"""A Kafka and a NATS together, for tests, the demo and a developer's machine."""

import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from streams.stack.external import KAFKA_VARIABLE, NATS_VARIABLE, ExternalKafka, ExternalNats
from streams.stack.kafka_server import KafkaServer
from streams.stack.nats_server import NatsServer


def kafka_for(environment: Mapping[str, str], data_folder: Path | None = None) -> KafkaServer | ExternalKafka:
    """The one that KAFKA_BOOTSTRAP_SERVERS names, else one of our own, not started yet."""
    given = environment.get(KAFKA_VARIABLE)
    return ExternalKafka(given) if given else KafkaServer(data_folder)


def nats_for(environment: Mapping[str, str], data_folder: Path | None = None) -> NatsServer | ExternalNats:
    """The one that NATS_URL names, else one of our own, not started yet."""
    given = environment.get(NATS_VARIABLE)
    return ExternalNats(given) if given else NatsServer(data_folder)


class Stack:
    """Both servers; each is left to others where its variable is set in ``environment`` (this process's by default).

    Data stay in ``data_folder``; without one they go when the stack is closed.
    """

    def __init__(self, data_folder: Path | None = None, environment: Mapping[str, str] | None = None) -> None:
        variables = os.environ if environment is None else environment
        self.nats = nats_for(variables, data_folder and data_folder / "nats")
        self.kafka = kafka_for(variables, data_folder and data_folder / "kafka")

    @property
    def kafka_bootstrap_servers(self) -> str:
        """Raises StackError before the first start."""
        return self.kafka.bootstrap_servers

    @property
    def nats_url(self) -> str:
        """Raises StackError before the first start."""
        return self.nats.url

    @property
    def servers(self) -> list[KafkaServer | NatsServer]:
        """Those of our own."""
        return [server for server in (self.kafka, self.nats) if isinstance(server, KafkaServer | NatsServer)]

    def start(self) -> None:
        """Returns when both serve. Raises StackError where one does not; then neither runs."""
        try:
            for server in self.servers:
                server.start()
        except BaseException:
            self.close()
            raise

    def stop(self) -> None:
        """Ports and data stay, for another ``start``."""
        for server in self.servers:
            server.stop()

    def close(self) -> None:
        """Stops both and removes temporary data."""
        for server in self.servers:
            server.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

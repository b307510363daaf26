"""A server that somebody else runs, named by an environment variable: used, never started or stopped by us."""

from dataclasses import dataclass
from types import TracebackType
from typing import ClassVar, Self

KAFKA_VARIABLE = "KAFKA_BOOTSTRAP_SERVERS"
NATS_VARIABLE = "NATS_URL"


@dataclass(frozen=True, slots=True)
class _External:
    """No kill, pause or restart here: what needs them needs a server of its own."""

    address: str

    def start(self) -> None:
        """Nothing: it runs already, or a client will say that it does not."""

    def stop(self) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing."""


class ExternalKafka(_External):
    __slots__ = ()
    name: ClassVar[str] = "kafka"

    @property
    def bootstrap_servers(self) -> str:
        return self.address


class ExternalNats(_External):
    __slots__ = ()
    name: ClassVar[str] = "nats"

    @property
    def url(self) -> str:
        return self.address

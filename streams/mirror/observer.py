"""What the mirror tells of its work: metrics, and whether NATS is well."""

from typing import Literal, Protocol

NatsHealth = Literal["ok", "degraded", "off"]
Direction = Literal["in", "out"]


class MirrorObserver(Protocol):
    """Called from the event loop."""

    def mirrored(self, direction: Direction, count: int) -> None:
        """So many messages are acknowledged on both sides' behalf: by Kafka going in, by JetStream going out."""

    def skipped(self, direction: Direction, reason: str, count: int) -> None:
        """Not carried: ``duplicate`` or ``origin``."""

    def failed(self, direction: str) -> None:
        """Something will be tried again: a batch in, messages out, a connection (``nats``)."""

    def dead_letter(self, topic: str, reason: str) -> None:
        """A message went to ``dlq.<topic>`` and was terminated."""

    def lag(self, direction: Direction, subject: str, count: int) -> None:
        """So many messages wait."""

    def forget_lag(self, direction: Direction, subject: str) -> None:
        """Another mirror carries this subject now."""

    def health(self, state: NatsHealth) -> None:
        """NATS is connected and its stream is as it has to be, or not."""

"""What the mirror does, as metrics and as the state of NATS in `/healthz` (contracts §8, §9)."""

import contextlib

from config.metrics import Metrics
from streams.mirror.observer import Direction, NatsHealth


class MirrorMetrics:
    """Implements ``streams.mirror.observer.MirrorObserver``."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self.nats: NatsHealth = "degraded"
        for direction in ("in", "out"):
            metrics.mirror_messages.labels(direction)
        for direction in ("in", "out", "nats"):
            metrics.mirror_failures.labels(direction)

    def mirrored(self, direction: Direction, count: int) -> None:
        self._metrics.mirror_messages.labels(direction).inc(count)

    def skipped(self, direction: Direction, reason: str, count: int) -> None:
        self._metrics.mirror_skipped.labels(direction, reason).inc(count)

    def failed(self, direction: str) -> None:
        self._metrics.mirror_failures.labels(direction).inc()

    def dead_letter(self, topic: str, reason: str) -> None:
        self._metrics.dead_letters.labels(topic, reason).inc()

    def lag(self, direction: Direction, subject: str, count: int) -> None:
        self._metrics.mirror_lag.labels(direction, subject).set(count)

    def forget_lag(self, direction: Direction, subject: str) -> None:
        # A subject may be given away before its lag was ever known.
        with contextlib.suppress(KeyError):
            self._metrics.mirror_lag.remove(direction, subject)

    def health(self, state: NatsHealth) -> None:
        self.nats = state
        self._metrics.mirror_connected.set(state == "ok")

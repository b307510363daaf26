"""From a record of a followed topic to the agent's answer: without Kafka, so that it can be tried by hand."""

from collections.abc import Callable
from datetime import UTC, datetime
from math import isfinite
from typing import Any, NamedTuple

import msgspec
import structlog

from agents.trading.agent import TradingAgent, enriched_signal
from streams.topics import ENRICHED_PREFIX, NORMALIZED_TOPIC

REMEMBERED_SIGNALS = 10_000

log = structlog.get_logger(__name__)


class Answer(NamedTuple):
    """What to publish. ``key`` is the corr_id, which also chooses the partition."""

    topic: str
    key: bytes
    value: bytes


def utc_now() -> datetime:
    return datetime.now(UTC)


class Answers:
    """One agent's answers. Nothing that comes in can end it: what cannot be read is left to the orchestrator's dead letters."""

    def __init__(self, agent: TradingAgent, now: Callable[[], datetime] = utc_now) -> None:
        self._agent = agent
        self._now = now
        self._seen: dict[str, None] = {}

    def take(self, topic: str, value: bytes | None) -> Answer | None:
        """The answer to a signal; None for silence, for a repeat of a signal, and for what is no signal."""
        try:
            message = msgspec.json.decode(value or b"")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        if not isinstance(message, dict):
            return None
        try:
            if topic != NORMALIZED_TOPIC:
                self._agent.learn(message)
                return None
            return self._answer(message) if _is_signal(message) else None
        except Exception:
            # A service that one odd message ends would be ended again by the same message after its restart.
            log.exception(
                "message_skipped", agent=self._agent.name, topic=topic, corr_id=message.get("corr_id")
            )
            return None

    def _answer(self, signal: dict[str, Any]) -> Answer | None:
        corr_id: str = signal["corr_id"]
        if corr_id in self._seen:
            return None
        self._seen[corr_id] = None
        if len(self._seen) > REMEMBERED_SIGNALS:
            del self._seen[next(iter(self._seen))]
        analysis = self._agent.analyse(signal)
        if analysis is None:
            return None
        message = enriched_signal(self._agent, signal, analysis, self._now())
        return Answer(ENRICHED_PREFIX + self._agent.name, corr_id.encode(), msgspec.json.encode(message))


def _is_signal(message: dict[str, Any]) -> bool:
    corr_id, instrument, price = (message.get(name) for name in ("corr_id", "instrument", "price"))
    return (
        isinstance(corr_id, str)
        and isinstance(instrument, str)
        and isinstance(price, int | float)
        and not isinstance(price, bool)
        and isfinite(price)
        and price > 0
    )

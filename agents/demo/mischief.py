"""The misbehaving senders of the demo: what recorded bars cannot bring about, sent on purpose and by name.

Each acts on certain bars of each instrument, the same in every run. All but the last act while the agents still gather
their first bars, so that no order is spoilt.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from agents.demo.signals import PlayedBar
from agents.trading.agent import utc_text
from orchestration.partitioning import partition_of
from streams.topics import ENRICHED_PREFIX, NORMALIZED_TOPIC

SLOW_DESK_BAR, WILD_RISK_BAR, GARBLED_BAR, WRONG_KEY_BAR, WRONG_PARTITION_BAR = 10, 12, 14, 16, 18
RETRIED_EVERY = 50
BY_KEY = -1
"""librdkafka's number for the partition that the partitioner finds."""


class Misdeed(NamedTuple):
    """A message to be sent ``after`` seconds from its signal. ``partition`` is the one that the key asks for, or its number."""

    sender: str
    after: float
    topic: str
    key: bytes
    value: bytes
    partition: int = BY_KEY


def misdeeds(
    played: PlayedBar, signal: Mapping[str, Any], now: datetime, timeout: float, partitions: int
) -> Iterator[Misdeed]:
    """What the misbehaving senders do about a signal that was sent ``now``. ``timeout``: of its workflow, in seconds."""
    key = signal["corr_id"].encode()
    value = msgspec.json.encode(signal)
    too_late = timeout + 2.0
    if played.number == SLOW_DESK_BAR:
        analysis = {"confidence": 0.9, "momentum_strength": 0.8, "trend_direction": "bullish"}
        answer = _enriched("momentum", signal, now + timedelta(seconds=too_late), analysis)
        yield Misdeed(
            "a momentum desk that answers too late", too_late, ENRICHED_PREFIX + "momentum", key, answer
        )
    if played.number == WILD_RISK_BAR:
        answer = _enriched("risk", signal, now, {"overall_score": 1.7, "risk_level": "low"})
        yield Misdeed("a risk agent whose score is beyond 1", 0.0, ENRICHED_PREFIX + "risk", key, answer)
    if played.number == GARBLED_BAR:
        yield Misdeed(
            "a gateway that cuts messages off", 0.0, NORMALIZED_TOPIC, key, value[: len(value) // 2]
        )
    if played.number == WRONG_KEY_BAR:
        yield Misdeed(
            "a gateway that keys by instrument", 0.0, NORMALIZED_TOPIC, played.instrument.encode(), value
        )
    if played.number == WRONG_PARTITION_BAR:
        elsewhere = (partition_of(key, partitions) + 1) % partitions
        yield Misdeed("a client with another partitioner", 0.0, NORMALIZED_TOPIC, key, value, elsewhere)
    if played.number % RETRIED_EVERY == 0:
        yield Misdeed("a webhook sender that retries late", too_late, NORMALIZED_TOPIC, key, value)


def _enriched(agent: str, signal: Mapping[str, Any], now: datetime, analysis: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode(
        {
            "agent_name": agent,
            "agent_version": "0.0.1",
            "corr_id": signal["corr_id"],
            "enriched_at": utc_text(now),
            "analysis": analysis,
        }
    )

"""What a trading agent is: something that makes an analysis of a signal, or has nothing to say."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

AGENT_VERSION = "1.0.0"
SOURCE_SIGNAL_FIELDS = ("instrument", "price", "side", "timestamp")


class TradingAgent(Protocol):
    """``follows``: topics beside the signals whose messages it wants to ``learn`` from."""

    name: str
    follows: tuple[str, ...]

    def analyse(self, signal: Mapping[str, Any]) -> dict[str, Any] | None:
        """The `analysis` object of a normalized signal; None to stay silent about it."""

    def learn(self, message: Mapping[str, Any]) -> None:
        """Takes in a message of a followed topic."""


def enriched_signal(
    agent: TradingAgent, signal: Mapping[str, Any], analysis: Mapping[str, Any], now: datetime
) -> dict[str, Any]:
    """The message that goes to ``signals.enriched.<agent>``. ``now`` is in UTC."""
    return {
        "schema_version": "1.0.0",
        "agent_name": agent.name,
        "agent_version": AGENT_VERSION,
        "corr_id": signal["corr_id"],
        "enriched_at": utc_text(now),
        "source_signal": {name: signal.get(name) for name in SOURCE_SIGNAL_FIELDS},
        "analysis": analysis,
    }


def utc_text(moment: datetime) -> str:
    """RFC 3339 in UTC with `Z`, cut at milliseconds."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"

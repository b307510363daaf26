"""Payloads of signals as bytes, made once and shared by all seeds."""

from functools import cache
from typing import Any

from orchestration.canonical import canonical_json
from orchestration.partitioning import partition_of
from orchestration.timestamps import format_timestamp

START = 1_768_473_000_000
"""2026-01-15T10:30:00Z in ms: when the simulated broker's clock starts."""

INSTRUMENTS = ("EURUSD", "BTC/USD")
VARIANTS = 3
INVALID = -1
BROKEN = -2
"""In place of a variant: decodable with a field that is wrong, or no JSON at all."""

_POOL = 48


@cache
def corr_ids(partition_count: int, partition: int) -> tuple[str, ...]:
    """Names that belong on a partition."""
    names = [f"req_{number}" for number in range(_POOL)]
    return tuple(name for name in names if partition_of(name.encode(), partition_count) == partition)


@cache
def payload(agent: str, corr_id: str, instrument: str, variant: int) -> bytes:
    """``agent`` may be ``normalized``. Variants of one signal conflict with each other."""
    if variant == BROKEN:
        return b'{"corr_id":'
    source = {
        "instrument": instrument,
        "price": 1.5 + variant,
        "side": "buy",
        "timestamp": format_timestamp(START),
    }
    if agent == "normalized":
        made = {"corr_id": corr_id, "source": "test", **source, "normalized_at": format_timestamp(START)}
        return canonical_json(made if variant != INVALID else made | {"source": "elsewhere"})
    body: dict[str, Any] = {
        "agent_name": agent,
        "corr_id": corr_id,
        "enriched_at": format_timestamp(START + 500 + variant),
        "analysis": _analysis(agent, max(variant, 0)),
    }
    if agent == "momentum":
        body["source_signal"] = source
    if variant == INVALID:
        body["enriched_at"] = "yesterday"
    return canonical_json(body)


def _analysis(agent: str, variant: int) -> dict[str, Any]:
    match agent:
        case "momentum":
            strength = 0.8 - variant / 10
            return {"confidence": 0.9, "momentum_strength": strength, "trend_direction": "bullish"}
        case "risk":
            sizing = {"recommended_size": 1000.0 * (variant + 1)}
            return {"overall_score": 0.4 + variant / 10, "risk_level": "low", "position_sizing": sizing}
        case "correlation":
            return {"portfolio_impact": 0.3 + variant / 10}
        case _:
            return {"confidence": 0.7 + variant / 10}

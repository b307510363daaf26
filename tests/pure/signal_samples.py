"""Valid signals as agents and the gateway write them, records that carry them, and what a test changes in both."""

import json
from typing import Any, cast

from orchestration.dead_letter import DeadLetter
from orchestration.intake import Intake
from orchestration.partitioning import partition_of
from orchestration.record import Headers, LogRecord
from orchestration.signal import Signal

PARTITIONS = 8
INTAKE = Intake(["momentum", "risk", "correlation", "sentiment"], PARTITIONS)
CORR_ID = "req_abc123"

Json = dict[str, Any]

NORMALIZED_BODY: Json = {
    "corr_id": CORR_ID,
    "source": "tradingview",
    "instrument": "EURUSD",
    "price": 1.0945,
    "side": "buy",
    "strength": 0.75,
    "timestamp": "2026-01-15T10:30:00Z",
    "normalized_at": "2026-01-15T10:30:00.250Z",
}
ANALYSES: Json = {
    "momentum": {
        "confidence": 0.82,
        "momentum_strength": 0.74,
        "trend_direction": "bullish",
        "technical_indicators": {"rsi": 61.2},
    },
    "risk": {
        "overall_score": 0.35,
        "risk_level": "low",
        "position_sizing": {"recommended_size": 7500, "max_position_size": 10000.0},
        "recommendations": {"suggested_stop_loss": 1.089, "max_risk_per_trade": 0.02},
        "exposure_analysis": {"current_exposure_pct": 12.5},
    },
    "correlation": {"portfolio_impact": 0.45},
    "sentiment": {"confidence": 0.6, "anything": [1, {"else": None}]},
}


def enriched(agent: str, **changes: Any) -> Json:
    """A valid signal of the agent; `analysis__confidence=2` changes a nested field, `...` takes a field away."""
    body: Json = {
        "schema_version": "1.0.0",
        "agent_name": agent,
        "agent_version": "1.2.0",
        "corr_id": CORR_ID,
        "enriched_at": "2026-01-15T10:30:02.120Z",
        "source_signal": {
            "instrument": "EURUSD",
            "price": 1.0945,
            "side": "buy",
            "timestamp": "2026-01-15T10:30:00Z",
        },
        "analysis": ANALYSES[agent],
    }
    return changed(body, **changes)


def changed(body: Json, **changes: Any) -> Json:
    copy = cast(Json, json.loads(json.dumps(body)))
    for path, value in changes.items():
        *parents, name = path.split("__")
        at = copy
        for parent in parents:
            at = at[parent]
        if value is ...:
            del at[name]
        else:
            at[name] = value
    return copy


def record(
    topic: str, body: Json | bytes | None, key: bytes | None = CORR_ID.encode(), headers: Headers = ()
) -> LogRecord:
    value = json.dumps(body).encode() if isinstance(body, dict) else body
    partition = partition_of(key or b"", PARTITIONS)
    return LogRecord(topic, partition, 7, 1_768_473_002_120, key, value, headers)


def enriched_record(agent: str, **changes: Any) -> LogRecord:
    return record(f"signals.enriched.{agent}", enriched(agent, **changes))


def signal_of(read: Signal | DeadLetter) -> Signal:
    assert isinstance(read, Signal), read
    return read


def dead_letter_of(read: Signal | DeadLetter) -> DeadLetter:
    assert isinstance(read, DeadLetter), read
    return read


GOOD = json.dumps(enriched("momentum")).encode()


def with_field(value: bytes) -> bytes:
    return GOOD[:-1] + b',"more":' + value + b"}"

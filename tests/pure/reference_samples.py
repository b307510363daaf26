"""One correlation as the contracts' example has it, in pieces that a test changes."""

import json
from typing import Any, NamedTuple

from tests.faults.reference_model import Event, ReferenceModel
from tests.faults.reference_validation import partition_of

Json = dict[str, Any]
START = 1_768_473_000_000  # 2026-01-15T10:30:00.000Z
CORR_ID = "req_abc123"
PARTITIONS = 8
DIGEST = "d" * 64


def clause(field: str, op: str, value: Any) -> Json:
    return {"field": field, "op": op, "value": value}


INSTRUMENT = "momentum.source_signal.instrument"
DEFAULT: Json = {
    "name": "default",
    "match": [],
    "required_agents": ["momentum", "risk", "correlation"],
    "optional_agents": ["sentiment", "macro"],
    "timeout_sec": 300,
    "min_agents": 2,
    "weights": {
        "momentum": {"weight": 0.4, "value": "confidence"},
        "risk": {"weight": 0.4, "value": "1 - overall_score"},
        "correlation": {"weight": 0.2, "value": "portfolio_impact"},
    },
    "routes": [
        {
            "name": "crypto_high_risk",
            "when": [clause(INSTRUMENT, "ends_with", "/USD"), clause("risk.risk_level", "eq", "high")],
            "action": "trade_with_caution",
            "position_multiplier": 0.5,
            "additional_checks": ["volatility", "liquidity"],
            "execution_topic": "execution.crypto.high_risk",
        },
        {
            "name": "forex_momentum",
            "when": [clause(INSTRUMENT, "length", 6), clause("momentum.momentum_strength", "gt", 0.7)],
            "action": "trade",
            "strategy": "momentum_breakout",
            "execution_topic": "execution.forex.momentum",
        },
        {
            "name": "default",
            "action": "trade",
            "reason": "high_confidence_momentum",
            "execution_topic": "execution.order",
            "only_when": [
                clause("momentum.confidence", "gt", 0.7),
                clause("momentum.momentum_strength", "gt", 0.6),
                clause("risk.risk_level", "in", ["low", "medium"]),
            ],
            "otherwise": {"action": "monitor", "reason": "insufficient_confidence"},
        },
    ],
}
FX: Json = {
    **DEFAULT,
    "name": "fx",
    "match": [clause("instrument", "eq", "EURUSD")],
    "required_agents": ["momentum", "risk"],
    "optional_agents": [],
    "timeout_sec": 120,
    "weights": {
        "momentum": {"weight": 0.5, "value": "confidence"},
        "risk": {"weight": 0.5, "value": "1 - overall_score"},
    },
}


class Record(NamedTuple):
    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


def record(topic: str, body: Any, second: float = 0, offset: int = 0, **changes: Any) -> Record:
    place = partition_of(CORR_ID.encode(), PARTITIONS)
    value = body if isinstance(body, bytes) else json.dumps(body).encode()
    made = Record(topic, place, offset, START + round(second * 1000), CORR_ID.encode(), value)
    return made._replace(**changes)


def normalized(second: float = 0, offset: int = 0, **changes: Any) -> Record:
    body: Json = {
        "corr_id": CORR_ID,
        "source": "tradingview",
        "instrument": "EURUSD",
        "price": 1.0945,
        "side": "buy",
        "strength": 0.75,
        "timestamp": "2026-01-15T10:30:00Z",
        "normalized_at": "2026-01-15T10:30:00.050Z",
    }
    return record("signals.normalized", body | changes, second, offset)


ANALYSES: dict[str, Json] = {
    "momentum": {"confidence": 0.82, "momentum_strength": 0.65, "trend_direction": "bullish"},
    "risk": {
        "overall_score": 0.65,
        "risk_level": "medium",
        "position_sizing": {"recommended_size": 8200, "max_position_size": 7500},
        "recommendations": {"suggested_stop_loss": 1.08},
        "exposure_analysis": {"current_exposure_pct": 12, "correlation_risk": "high"},
    },
    "correlation": {"portfolio_impact": 0.45},
    "sentiment": {"confidence": 0.9},
}


def enriched(agent: str, second: float = 0, offset: int = 0, **changes: Any) -> Record:
    """Changes go into the analysis, but for ``instrument`` and ``side``, which go into ``source_signal``."""
    source: Json = {
        "instrument": "EURUSD",
        "price": 1.0945,
        "side": "buy",
        "timestamp": "2026-01-15T10:30:00Z",
    }
    source |= {name: changes.pop(name) for name in ("instrument", "side") if name in changes}
    body = {
        "agent_name": agent,
        "agent_version": "1.0.0",
        "corr_id": CORR_ID,
        "enriched_at": "2026-01-15T12:30:02.1239+02:00",
        "analysis": ANALYSES.get(agent, {}) | changes,
    }
    if agent == "momentum":
        body["source_signal"] = source
    return record(f"signals.enriched.{agent}", body, second, offset)


def complete(**changes: Json) -> list[Record]:
    """One normalized signal and the three required agents; the last one at 4.12 s. ``momentum={...}`` changes a field."""
    return [
        normalized(0.0, **changes.get("normalized", {})),
        enriched("momentum", 2.0, **changes.get("momentum", {})),
        enriched("correlation", 3.0, **changes.get("correlation", {})),
        enriched("risk", 4.12, **changes.get("risk", {})),
    ]


def model(*workflows: Json) -> ReferenceModel:
    chosen = list(workflows or [DEFAULT])
    return ReferenceModel(chosen, PARTITIONS, version="1.2.3", digests={w["name"]: DIGEST for w in chosen})


def feed(judge: ReferenceModel, records: list[Record]) -> list[Event]:
    return [event for one in records for event in judge.feed(one)]


def only_outcome(events: list[Event]) -> tuple[Json, Json | None, Json, dict[str, bytes]]:
    (outcome,) = [event for event in events if event[0] == "outcome"]
    order = None if outcome[3] is None else json.loads(outcome[3])
    return json.loads(outcome[2]), order, outcome[4], outcome[5]


def decided(*records: Record) -> Json:
    return only_outcome(feed(model(), list(records)))[0]


def pass_time(judge: ReferenceModel, second: float) -> list[Event]:
    return judge.time_passed(partition_of(CORR_ID.encode(), PARTITIONS), START + round(second * 1000))

"""Signals, inputs and the shipped workflow, made quickly: a good EURUSD buy unless a test says otherwise."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from orchestration.canonical import canonical_json
from orchestration.inputs import CompletedBy, Inputs, Superseded
from orchestration.payload import payload_of
from orchestration.plan import plan_of
from orchestration.signal import NORMALIZED, VALIDATION_ERROR, JsonObject, Signal, SignalError
from orchestration.source import source_signal
from orchestration.timestamps import format_timestamp
from orchestration.workflow import Workflow
from orchestration.workflows import Workflows

CORR_ID = "req_abc123"
START = 1_768_473_000_000
"""2026-01-15T10:30:00Z in ms: when the alert was raised."""
DECIDED = START + 4_120
VERSION = "1.2.3"

SOURCE: JsonObject = {
    "instrument": "EURUSD",
    "price": 1.0945,
    "side": "buy",
    "timestamp": format_timestamp(START),
}
MOMENTUM: JsonObject = {"confidence": 0.82, "momentum_strength": 0.65, "trend_direction": "bullish"}
RISK: JsonObject = {
    "overall_score": 0.4,
    "risk_level": "low",
    "position_sizing": {"recommended_size": 7500.0, "max_position_size": 10000.0},
    "recommendations": {"suggested_stop_loss": 1.09, "max_risk_per_trade": 0.02},
}
CORRELATION: JsonObject = {"portfolio_impact": 0.45}


def signal(
    agent: str,
    body: Mapping[str, Any],
    *,
    offset: int = 0,
    timestamp: int = START + 2_000,
    partition: int = 3,
    traceparent: str | None = None,
) -> Signal:
    """A valid signal with this payload, in the topic of its agent (``NORMALIZED``: the normalized one)."""
    value = canonical_json(body)
    topic = "signals.normalized" if agent == NORMALIZED else f"signals.enriched.{agent}"
    return Signal(
        body["corr_id"],
        agent,
        topic,
        partition,
        offset,
        timestamp,
        value,
        sha256(value).digest(),
        traceparent=traceparent,
        body=dict(body),
    )


def enriched(
    agent: str,
    analysis: Mapping[str, Any],
    *,
    source: Mapping[str, Any] | None = SOURCE,
    enriched_at: int = START + 1_500,
    corr_id: str = CORR_ID,
    agent_version: str | None = "1.0.0",
    offset: int = 0,
    timestamp: int = START + 2_000,
    traceparent: str | None = None,
) -> Signal:
    """An agent's signal. Times in ms; a field of ``analysis`` given as None is left out."""
    body: JsonObject = {
        "schema_version": "1.0.0",
        "agent_name": agent,
        "agent_version": agent_version,
        "corr_id": corr_id,
        "enriched_at": format_timestamp(enriched_at),
        "source_signal": None if source is None else dict(source),
        "analysis": {name: value for name, value in analysis.items() if value is not None},
    }
    return signal(agent, body, offset=offset, timestamp=timestamp, traceparent=traceparent)


def momentum(*, envelope: Mapping[str, Any] | None = None, **analysis: Any) -> Signal:
    """Momentum's signal: a bullish trend too weak for the forex route. ``envelope``: arguments of ``enriched``."""
    return enriched("momentum", {**MOMENTUM, **analysis}, **(envelope or {}))


def risk(*, envelope: Mapping[str, Any] | None = None, **analysis: Any) -> Signal:
    """Risk's signal: low risk, a size and its limits."""
    return enriched("risk", {**RISK, **analysis}, **(envelope or {}))


def correlation(*, envelope: Mapping[str, Any] | None = None, **analysis: Any) -> Signal:
    """Correlation's signal."""
    return enriched("correlation", {**CORRELATION, **analysis}, **(envelope or {}))


def normalized(
    *, offset: int = 0, timestamp: int = START + 100, traceparent: str | None = None, **fields: Any
) -> Signal:
    """The normalized signal of the same alert."""
    body = {
        "corr_id": CORR_ID,
        "source": "tradingview",
        **SOURCE,
        "strength": 0.75,
        "normalized_at": format_timestamp(START + 50),
        **fields,
    }
    return signal(NORMALIZED, body, offset=offset, timestamp=timestamp, traceparent=traceparent)


def by_agent(*signals: Signal) -> dict[str, Signal]:
    """The signals by their agents, payloads at hand as after a decision has begun."""
    for each in signals:
        payload_of(each)
    return {each.agent: each for each in signals}


def error(field: str = "analysis.overall_score") -> SignalError:
    return SignalError(VALIDATION_ERROR, f"{field}: number from 0 to 1")


def default_workflow(**changes: Any) -> Workflow:
    """The shipped workflow ``default`` (contracts §5, §6); ``changes`` replace fields of it."""
    return Workflow.model_validate({**DEFAULT, **changes})


def workflows(*given: Workflow) -> Workflows:
    """These workflows, or the shipped one alone."""
    return Workflows(given or (default_workflow(),))


def inputs(
    *signals: Signal,
    workflow: Workflow | None = None,
    start: Signal | None = None,
    errors: Mapping[str, SignalError] | None = None,
    first_seen: int = START + 100,
    orchestrated_at: int = DECIDED,
    completed_by: CompletedBy = "all_required",
    superseded: tuple[Superseded, ...] = (),
    error_count: int = 0,
) -> Inputs:
    """Inputs of these signals of agents and the normalized signal ``start``; without any, those of a good trade."""
    if not signals and start is None and errors is None:
        signals, start = (momentum(), risk(), correlation()), normalized()
    used = {each.agent: each for each in signals}
    return Inputs(
        corr_id=CORR_ID,
        plan=plan_of(default_workflow() if workflow is None else workflow),
        first_seen=first_seen,
        orchestrated_at=orchestrated_at,
        completed_by=completed_by,
        used=used,
        errors=errors or {},
        normalized=start,
        source=source_signal(start, used),
        superseded=superseded,
        error_count=error_count,
    )


MOMENTUM_INSTRUMENT = "momentum.source_signal.instrument"

DEFAULT: JsonObject = {
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
    "stages": {
        "validation": {"minimum_quality": 0.6},
        "risk_check": {"maximum_overall_risk": 0.8},
        "position_sizing": {},
        "execution_timing": {"max_signal_age_sec": 300},
    },
    "routes": [
        {
            "name": "crypto_high_risk",
            "when": [
                {"field": MOMENTUM_INSTRUMENT, "op": "ends_with", "value": "/USD"},
                {"field": "risk.risk_level", "op": "eq", "value": "high"},
            ],
            "action": "trade_with_caution",
            "execution_topic": "execution.crypto.high_risk",
            "position_multiplier": 0.5,
            "additional_checks": ["volatility", "liquidity"],
        },
        {
            "name": "forex_momentum",
            "when": [
                {"field": MOMENTUM_INSTRUMENT, "op": "length", "value": 6},
                {"field": "momentum.momentum_strength", "op": "gt", "value": 0.7},
            ],
            "action": "trade",
            "execution_topic": "execution.forex.momentum",
            "strategy": "momentum_breakout",
        },
        {
            "name": "default",
            "when": [],
            "action": "trade",
            "reason": "high_confidence_momentum",
            "execution_topic": "execution.order",
            "only_when": [
                {"field": "momentum.confidence", "op": "gt", "value": 0.7},
                {"field": "momentum.momentum_strength", "op": "gt", "value": 0.6},
                {"field": "risk.risk_level", "op": "in", "value": ["low", "medium"]},
            ],
            "otherwise": {"action": "monitor", "reason": "insufficient_confidence"},
        },
    ],
}

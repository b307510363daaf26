"""Signals of one correlation, as their senders write them: a good EURUSD buy unless a test changes something."""

from typing import Any

Json = dict[str, Any]
Bodies = dict[str, Json]
"""Payload by agent; ``NORMALIZED`` for the normalized signal."""

NORMALIZED = "normalized"
RAISED = "2026-01-15T10:30:00.000Z"
SOURCE: Json = {"instrument": "EURUSD", "price": 1.0945, "side": "buy", "timestamp": RAISED}

ANALYSES: dict[str, Json] = {
    "momentum": {"confidence": 0.82, "momentum_strength": 0.65, "trend_direction": "bullish"},
    "risk": {
        "overall_score": 0.4,
        "risk_level": "low",
        "position_sizing": {"recommended_size": 7500.0, "max_position_size": 10000.0},
        "recommendations": {"suggested_stop_loss": 1.09, "max_risk_per_trade": 0.02},
    },
    "correlation": {"portfolio_impact": 0.45},
    "sentiment": {"confidence": 0.9, "mood": "calm"},
    "macro": {"confidence": 0.7},
}
REQUIRED = ("momentum", "correlation", "risk")


def topic_of(agent: str) -> str:
    return "signals.normalized" if agent == NORMALIZED else f"signals.enriched.{agent}"


def normalized(corr_id: str, **changes: Any) -> Json:
    """A field given as None is null in the payload, which reads as absent."""
    return {
        "corr_id": corr_id,
        "source": "test",
        **SOURCE,
        "strength": 0.75,
        "normalized_at": "2026-01-15T10:30:00.050Z",
        **changes,
    }


def enriched(agent: str, corr_id: str, **analysis: Any) -> Json:
    """``analysis``: fields that replace the usual ones."""
    return {
        "schema_version": "1.0.0",
        "agent_name": agent,
        "agent_version": "1.4.0",
        "corr_id": corr_id,
        "enriched_at": "2026-01-15T10:30:01.500Z",
        "source_signal": dict(SOURCE),
        "analysis": ANALYSES.get(agent, {}) | analysis,
    }


def bodies(corr_id: str, *agents: str) -> Bodies:
    """A normalized signal and one of each agent; of the three required ones unless others are named."""
    return {NORMALIZED: normalized(corr_id)} | {
        agent: enriched(agent, corr_id) for agent in agents or REQUIRED
    }

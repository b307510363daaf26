import hashlib

import pytest

from orchestration.body import body_of
from orchestration.signal import SignalError
from tests.pure.signal_samples import (
    CORR_ID,
    INTAKE,
    NORMALIZED_BODY,
    Json,
    changed,
    dead_letter_of,
    enriched,
    enriched_record,
    record,
    signal_of,
)


@pytest.mark.parametrize(
    "changes",
    [
        {"unknown": {"field": [1]}},
        {"schema_version": ...},
        {"schema_version": None},
        {"schema_version": "1.27.3-rc.1+build.5"},
        {"agent_version": None},
        {"source_signal": ...},
        {"source_signal": None},
        {"source_signal": {}},
        {"source_signal__price": None},
        {"source_signal__side": None},
        {"source_signal__timestamp": None},
        {"source_signal__instrument": ...},
        {"source_signal__price": 1},
        {"source_signal__strength": "of no interest here"},
        {"enriched_at": "2026-01-15T11:30:02.120999+01:00"},
        {"analysis__confidence": 0},
        {"analysis__confidence": 1},
        {"analysis__momentum_strength": ...},
        {"analysis__momentum_strength": None},
        {"analysis__trend_direction": None},
        {"analysis__technical_indicators": None},
        {"analysis__technical_indicators": {}},
        {"analysis__technical_indicators": {"rsi": None, "deep": {"er": [[]]}}},
    ],
    ids=str,
)
def test_what_is_optional_may_be_null_or_absent_and_what_is_unknown_is_kept(changes: Json) -> None:
    signal = signal_of(INTAKE.read(enriched_record("momentum", **changes)))
    assert signal.valid, signal.error
    assert body_of(signal) == enriched("momentum", **changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"analysis__exposure_analysis": "no object"},
        {"analysis__exposure_analysis": {"current_exposure_pct": "no number"}},
        {"analysis__volatility_metrics": [1]},
        {"analysis__risk_level": ...},
        {"analysis__position_sizing": None},
        {"analysis__position_sizing__recommended_size": 0},
        {"analysis__recommendations__suggested_stop_loss": None},
    ],
    ids=str,
)
def test_what_a_risk_signal_may_say_freely_is_never_invalid(changes: Json) -> None:
    assert signal_of(INTAKE.read(enriched_record("risk", **changes))).valid


@pytest.mark.parametrize(
    ("agent", "changes", "message"),
    [
        ("momentum", {"analysis__confidence": 1.2}, "analysis.confidence: number from 0 to 1"),
        ("momentum", {"analysis__confidence": -0.1}, "analysis.confidence: number from 0 to 1"),
        ("momentum", {"analysis__confidence": "0.8"}, "analysis.confidence: number from 0 to 1"),
        ("momentum", {"analysis__confidence": True}, "analysis.confidence: number from 0 to 1"),
        ("momentum", {"analysis__confidence": None}, "analysis.confidence: number from 0 to 1"),
        ("momentum", {"analysis__confidence": ...}, "analysis.confidence: number from 0 to 1"),
        ("momentum", {"analysis__confidence": 10**308}, "analysis.confidence: number from 0 to 1"),
        ("momentum", {"analysis__momentum_strength": 2}, "analysis.momentum_strength: number from 0 to 1"),
        (
            "momentum",
            {"analysis__trend_direction": "up"},
            "analysis.trend_direction: bullish, bearish, sideways or unknown",
        ),
        ("momentum", {"analysis__technical_indicators": [1]}, "analysis.technical_indicators: object"),
        ("momentum", {"analysis": ...}, "analysis: object"),
        ("momentum", {"analysis": None}, "analysis: object"),
        ("momentum", {"analysis": [0.8]}, "analysis: object"),
        ("momentum", {"agent_name": ...}, "agent_name: name of the topic's agent"),
        ("momentum", {"agent_name": 5}, "agent_name: name of the topic's agent"),
        ("momentum", {"agent_version": 1}, "agent_version: text of at most 128 characters"),
        ("momentum", {"agent_version": "v" * 129}, "agent_version: text of at most 128 characters"),
        ("momentum", {"enriched_at": ...}, "enriched_at: RFC 3339 timestamp with offset"),
        (
            "momentum",
            {"enriched_at": "2026-01-15T10:30:02"},
            "enriched_at: RFC 3339 timestamp with offset",
        ),
        ("momentum", {"enriched_at": 1768473002120}, "enriched_at: RFC 3339 timestamp with offset"),
        ("momentum", {"schema_version": "2.0.0"}, "schema_version: version 1.x.y"),
        ("momentum", {"schema_version": "1.0"}, "schema_version: version 1.x.y"),
        ("momentum", {"schema_version": "1.0.01"}, "schema_version: version 1.x.y"),
        ("momentum", {"schema_version": "10.0.0"}, "schema_version: version 1.x.y"),
        ("momentum", {"schema_version": 1}, "schema_version: version 1.x.y"),
        ("momentum", {"source_signal": "EURUSD"}, "source_signal: object"),
        (
            "momentum",
            {"source_signal__instrument": ""},
            "source_signal.instrument: text of 1 to 128 characters",
        ),
        (
            "momentum",
            {"source_signal__instrument": 5},
            "source_signal.instrument: text of 1 to 128 characters",
        ),
        ("momentum", {"source_signal__price": 0}, "source_signal.price: number above 0"),
        ("momentum", {"source_signal__price": "1.09"}, "source_signal.price: number above 0"),
        ("momentum", {"source_signal__side": "long"}, "source_signal.side: buy or sell, or null"),
        (
            "momentum",
            {"source_signal__timestamp": "now"},
            "source_signal.timestamp: RFC 3339 timestamp with offset",
        ),
        ("risk", {"analysis__overall_score": ...}, "analysis.overall_score: number from 0 to 1"),
        ("risk", {"analysis__risk_level": "extreme"}, "analysis.risk_level: low, medium, high or blocked"),
        ("risk", {"analysis__risk_level": "LOW"}, "analysis.risk_level: low, medium, high or blocked"),
        ("risk", {"analysis__confidence": 3}, "analysis.confidence: number from 0 to 1"),
        ("risk", {"analysis__position_sizing": 7500}, "analysis.position_sizing: object"),
        (
            "risk",
            {"analysis__position_sizing__recommended_size": -1},
            "analysis.position_sizing.recommended_size: number of 0 or more",
        ),
        (
            "risk",
            {"analysis__position_sizing__max_position_size": "10"},
            "analysis.position_sizing.max_position_size: number of 0 or more",
        ),
        (
            "risk",
            {"analysis__recommendations__suggested_stop_loss": 0},
            "analysis.recommendations.suggested_stop_loss: number above 0",
        ),
        (
            "risk",
            {"analysis__recommendations__max_risk_per_trade": -0.5},
            "analysis.recommendations.max_risk_per_trade: number above 0",
        ),
        ("correlation", {"analysis__portfolio_impact": ...}, "analysis.portfolio_impact: number from 0 to 1"),
        (
            "correlation",
            {"analysis__portfolio_impact": None},
            "analysis.portfolio_impact: number from 0 to 1",
        ),
        ("sentiment", {"analysis__confidence": "high"}, "analysis.confidence: number from 0 to 1"),
        (
            "momentum",
            {"enriched_at": "x", "analysis__confidence": 9, "schema_version": "0.1.0"},
            "schema_version: version 1.x.y",
        ),
    ],
    ids=str,
)
def test_an_invalid_enriched_signal_keeps_its_place_and_says_what_was_expected(
    agent: str, changes: Json, message: str
) -> None:
    taken = enriched_record(agent, **changes)
    signal = signal_of(INTAKE.read(taken))
    assert signal.error == SignalError("validation_error", message)
    assert (signal.corr_id, signal.agent, signal.offset) == (CORR_ID, agent, 7)
    assert signal.sha256 == hashlib.sha256(taken.value or b"").digest()
    assert signal.value is None
    assert signal.payload is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"source": "elsewhere"}, "source: tradingview, custom or test"),
        ({"instrument": ...}, "instrument: text of 1 to 128 characters"),
        ({"instrument": ""}, "instrument: text of 1 to 128 characters"),
        ({"price": 0}, "price: number above 0"),
        ({"price": -1.5}, "price: number above 0"),
        ({"price": "1.0945"}, "price: number above 0"),
        ({"side": "close"}, "side: buy or sell, or null"),
        ({"strength": 1.01}, "strength: number from 0 to 1"),
        ({"timestamp": None}, "timestamp: RFC 3339 timestamp with offset"),
        ({"normalized_at": "2026-01-15"}, "normalized_at: RFC 3339 timestamp with offset"),
    ],
    ids=str,
)
def test_an_invalid_normalized_signal_is_dead_lettered_only(changes: Json, message: str) -> None:
    dead = dead_letter_of(INTAKE.read(record("signals.normalized", changed(NORMALIZED_BODY, **changes))))
    assert (dead.reason, dead.message, dead.corr_id) == ("validation_error", message, CORR_ID)


@pytest.mark.parametrize(
    "changes", [{"side": None}, {"side": ...}, {"strength": None}, {"strength": ...}], ids=str
)
def test_side_and_strength_of_a_normalized_signal_may_be_missing(changes: Json) -> None:
    assert signal_of(INTAKE.read(record("signals.normalized", changed(NORMALIZED_BODY, **changes)))).valid

"""The reference model against the text: how it decides. Every expected figure was worked out by hand from the contracts."""

import hashlib
import json

import pytest

from tests.faults.reference_rules import canonical
from tests.pure.reference_samples import (
    CORR_ID,
    DEFAULT,
    DIGEST,
    Json,
    complete,
    decided,
    enriched,
    feed,
    model,
    only_outcome,
    record,
)


def test_the_example_of_the_contracts_byte_by_byte() -> None:
    # 0.4 × 0.82 + 0.4 × (1 − 0.65) + 0.2 × 0.45 = 0.328 + 0.14 + 0.09 = 0.558
    events = feed(model(), complete())
    hashes = {r.topic.split(".")[-1]: hashlib.sha256(r.value or b"").hexdigest() for r in complete()}
    listed = ",".join(f'["{agent}","{hashes[agent]}"]' for agent in ("correlation", "momentum", "risk"))
    plain = f'["{CORR_ID}","{DIGEST}",[{listed}],"{hashes["normalized"]}"]'
    decision_id = hashlib.sha256(plain.encode()).hexdigest()

    def part(agent: str, contribution: str) -> str:
        return (
            f'{{"agent_name":"{agent}","agent_version":"1.0.0","corr_id":"req_abc123",'
            f'"enriched_at":"2026-01-15T10:30:02.123Z","contribution":{contribution}}}'
        )

    expected = (
        f'{{"schema_version":"1.0.0","decision_id":"{decision_id}","corr_id":"req_abc123","workflow":"default",'
        f'"workflow_digest":"{DIGEST}","orchestrator_version":"1.2.3","orchestrated_at":"2026-01-15T10:30:04.120Z",'
        '"action":"trade","reason":"high_confidence_momentum","confidence":0.558,'
        '"aggregation_method":"weighted_average","contributing_agents":["correlation","momentum","risk"],'
        f'"contributing_signals":[{part("correlation", "0.09")},{part("momentum", "0.328")},{part("risk", "0.14")}],'
        '"completed_by":"all_required","partial_data":false,"available_agents":["correlation","momentum","risk"],'
        '"missing_agents":[],"invalid_agents":{},"source_signal":{"instrument":"EURUSD","price":1.0945,"side":"buy",'
        '"strength":0.75,"timestamp":"2026-01-15T10:30:00.000Z"},"direction":"bullish","position_size":7500.0,'
        '"route":"default","handler":"default","execution_topic":"execution.order","strategy":null,'
        '"position_multiplier":1.0,"additional_checks":[],"current_stage":3,"stages":['
        '{"stage":0,"name":"validation","stopped":false,"result":{"quality_score":0.82,"validated":true}},'
        '{"stage":1,"name":"risk_check","stopped":false,"result":{"risk_factors":{"overall_risk":0.65,'
        '"current_exposure_pct":12.0},"risk_approved":true}},'
        '{"stage":2,"name":"position_sizing","stopped":false,"result":{"base_size":8200.0,"position_size":7500.0}},'
        # age = max(2.123 s from source to enriched, 4.12 s from first to last); valid until 4.12 + 300 − 4.12
        '{"stage":3,"name":"execution_timing","stopped":false,"result":{"signal_age_sec":4.12,'
        '"valid_until":"2026-01-15T10:35:00.000Z"}}]}'
    )
    assert events[0][2].decode() == expected
    order = json.loads(events[0][3])
    assert order["order_id"] == "ord_" + decision_id[:32]
    assert (order["quantity"], order["price"], order["side"]) == (7500.0, 1.0945, "buy")
    assert order["strategy_id"] == "default/default"
    assert order["risk_params"] == {"stop_loss": 1.08, "max_risk_per_trade": None}


def test_the_audit_record_names_inputs_and_how_far_was_read() -> None:
    _, _, audit, fan_out = only_outcome(feed(model(), complete()))
    assert audit["input_signals"]["risk"]["confidence"] is None
    assert audit["input_signals"]["momentum"]["timestamp"] == "2026-01-15T10:30:02.123Z"
    assert audit["read_to"] == {
        "signals.normalized": 1,
        "signals.enriched.momentum": 1,
        "signals.enriched.correlation": 1,
        "signals.enriched.risk": 1,
    }
    assert audit["metadata"] == {
        "processing_time_ms": 4120,
        "orchestration_pattern": "fan_in",
        "timeout_occurred": False,
        "error_count": 0,
    }
    assert json.loads(fan_out["portfolio.decision"])["portfolio_impact"] == 0.45


@pytest.mark.parametrize(
    ("changes", "action", "reason", "topic", "size"),
    [
        (
            {
                "normalized": {"instrument": "BTC/USD"},
                "momentum": {"instrument": "BTC/USD"},
                "risk": {"risk_level": "high"},
            },
            "trade_with_caution",
            "crypto_high_risk",
            "execution.crypto.high_risk",
            4100.0,
        ),
        (
            {"momentum": {"momentum_strength": 0.71}},
            "trade",
            "forex_momentum",
            "execution.forex.momentum",
            7500.0,
        ),
        ({}, "trade", "high_confidence_momentum", "execution.order", 7500.0),
        ({"momentum": {"confidence": 0.7}}, "monitor", "insufficient_confidence", None, 7500.0),
        ({"momentum": {"momentum_strength": 0.6}}, "monitor", "insufficient_confidence", None, 7500.0),
        ({"risk": {"risk_level": None}}, "monitor", "insufficient_confidence", None, 7500.0),
    ],
)
def test_each_route(changes: Json, action: str, reason: str, topic: str | None, size: float) -> None:
    decision = decided(*complete(**changes))
    assert (decision["action"], decision["reason"]) == (action, reason)
    assert (decision["execution_topic"], decision["position_size"]) == (topic, size)


@pytest.mark.parametrize(
    ("changes", "action", "reason", "pattern"),
    [
        ({"risk": {"risk_level": "blocked"}}, "no_trade", "risk_blocked", "sequential"),
        ({"risk": {"overall_score": 1.5}}, "monitor", "no_risk_view", "sequential"),
        ({"momentum": {"confidence": None}}, "monitor", "no_momentum_view", "sequential"),
        ({"momentum": {"confidence": 0.59}}, "monitor", "poor_signal_quality", "sequential"),
        ({"risk": {"overall_score": 0.81}}, "monitor", "excessive_risk", "sequential"),
        ({"risk": {"position_sizing": {"recommended_size": 0}}}, "monitor", "no_position_size", "sequential"),
        (
            {"risk": {"position_sizing": {"recommended_size": 5, "max_position_size": 0}}},
            "monitor",
            "no_position_size",
            "sequential",
        ),
        ({"normalized": {"timestamp": "2026-01-15T10:25:02.122Z"}}, "monitor", "stale_signal", "sequential"),
        ({"normalized": {"timestamp": "2026-01-15T10:31:02.124Z"}}, "monitor", "stale_signal", "sequential"),
        ({"momentum": {"side": "sell"}}, "monitor", "source_conflict", "sequential"),
        ({"normalized": {"side": None}}, "monitor", "informational", "sequential"),
        ({"momentum": {"trend_direction": "sideways"}}, "monitor", "no_direction", "sequential"),
        ({"momentum": {"trend_direction": "bearish"}}, "monitor", "direction_conflict", "sequential"),
        ({"momentum": {"confidence": 0.6}}, "monitor", "insufficient_confidence", "fan_in"),
    ],
)
def test_each_precedence(changes: Json, action: str, reason: str, pattern: str) -> None:
    decision, order, audit, _ = only_outcome(feed(model(), complete(**changes)))
    assert (decision["action"], decision["reason"], order) == (action, reason, None)
    assert decision["route"] == "default"
    assert (decision["strategy"], decision["position_multiplier"], decision["execution_topic"]) == (
        None,
        1.0,
        None,
    )
    assert audit["metadata"]["orchestration_pattern"] == pattern


def test_without_any_source_signal_there_is_no_price() -> None:
    bare = json.loads(enriched("momentum").value or b"")
    del bare["source_signal"]
    momentum = record("signals.enriched.momentum", bare)
    decision = decided(momentum, enriched("correlation"), enriched("risk"))
    assert (decision["reason"], decision["source_signal"], decision["current_stage"]) == ("no_price", None, 2)


def test_without_an_instrument_nothing_is_ordered() -> None:
    decision = decided(enriched("momentum", instrument=None), enriched("correlation"), enriched("risk"))
    assert decision["reason"] == "no_instrument"
    assert decision["source_signal"]["strength"] is None


def test_too_few_valid_signals_run_no_stage() -> None:
    records = complete(momentum={"confidence": 2}, correlation={"portfolio_impact": "much"})
    judge = model()
    decision = only_outcome(feed(judge, records))[0]
    assert (decision["action"], decision["reason"]) == ("insufficient_data", "insufficient_data")
    assert (decision["stages"], decision["current_stage"], decision["route"], decision["handler"]) == (
        [],
        None,
        None,
        None,
    )
    # Only risk contributes: 0.4 × 0.35 / 0.4
    assert decision["confidence"] == 0.35
    assert decision["invalid_agents"]["momentum"]["type"] == "validation_error"
    assert decision["invalid_agents"]["momentum"]["message"].startswith("analysis.confidence: ")


def test_a_size_that_is_not_finite_is_a_stage_error() -> None:
    vast = {**DEFAULT, "routes": [{**DEFAULT["routes"][2], "position_multiplier": 10.0}]}
    sizes = {"position_sizing": {"recommended_size": 1e308}}
    decision = only_outcome(feed(model(vast), complete(risk=sizes)))[0]
    assert (decision["reason"], decision["current_stage"]) == ("stage_error", 2)
    assert decision["position_size"] is None


def test_canonical_numbers_have_a_fraction_and_no_exponent() -> None:
    numbers = [1e-7, 1e16, -0.0, 0.1 + 0.2, 4e-13, 8200.0, 3]
    assert canonical(numbers) == b"[0.0000001,10000000000000000.0,0.0,0.3,0.0,8200.0,3]"


def test_a_route_of_its_own_is_conditional_routing() -> None:
    _, _, audit, _ = only_outcome(feed(model(), complete(momentum={"momentum_strength": 0.71})))
    assert audit["metadata"]["orchestration_pattern"] == "conditional_routing"

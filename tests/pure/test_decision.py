"""``decide``: what a decision says, and what does not show in it (contracts §5)."""

import msgspec
import pytest

from orchestration.decision import decide
from orchestration.inputs import Inputs
from orchestration.messages.decision import Decision
from orchestration.outcome import Outcome
from orchestration.signal import SignalError
from tests.pure import builders
from tests.pure.builders import (
    START,
    VERSION,
    correlation,
    default_workflow,
    enriched,
    error,
    inputs,
    momentum,
    normalized,
    risk,
    workflows,
)

WORKFLOWS = workflows()
WORKFLOW = WORKFLOWS.named("default")
NO_MOMENTUM = default_workflow(
    name="without_momentum",
    required_agents=["risk", "correlation"],
    optional_agents=[],
    weights={"risk": {"weight": 1, "value": "1 - overall_score"}},
    routes=[{"name": "default", "action": "trade", "reason": "always", "execution_topic": "execution.order"}],
)


def decided(given: Inputs) -> Outcome:
    outcome = decide(given, VERSION)
    Decision.model_validate_json(outcome.value)
    return outcome


def test_a_good_signal_trades_and_the_decision_says_all_of_it() -> None:
    outcome = decided(inputs(workflow=WORKFLOW))
    decision = msgspec.json.decode(outcome.value)
    assert list(decision) == list(Decision.model_fields)
    assert decision | {"decision_id": "", "workflow_digest": "", "stages": []} == {
        "schema_version": "1.0.0",
        "decision_id": "",
        "corr_id": "req_abc123",
        "workflow": "default",
        "workflow_digest": "",
        "orchestrator_version": "1.2.3",
        "orchestrated_at": "2026-01-15T10:30:04.120Z",
        "action": "trade",
        "reason": "high_confidence_momentum",
        "confidence": 0.658,
        "aggregation_method": "weighted_average",
        "contributing_agents": ["correlation", "momentum", "risk"],
        "contributing_signals": [
            {
                "agent_name": agent,
                "agent_version": "1.0.0",
                "corr_id": "req_abc123",
                "enriched_at": "2026-01-15T10:30:01.500Z",
                "contribution": part,
            }
            for agent, part in (("correlation", 0.09), ("momentum", 0.328), ("risk", 0.24))
        ],
        "completed_by": "all_required",
        "partial_data": False,
        "available_agents": ["correlation", "momentum", "risk"],
        "missing_agents": [],
        "invalid_agents": {},
        "source_signal": {
            "instrument": "EURUSD",
            "price": 1.0945,
            "side": "buy",
            "strength": 0.75,
            "timestamp": "2026-01-15T10:30:00.000Z",
        },
        "direction": "bullish",
        "position_size": 7500.0,
        "route": "default",
        "handler": "default",
        "execution_topic": "execution.order",
        "strategy": None,
        "position_multiplier": 1.0,
        "additional_checks": [],
        "current_stage": 3,
        "stages": [],
    }
    assert decision["workflow_digest"] == WORKFLOWS.digest(WORKFLOW)
    assert [stage["name"] for stage in decision["stages"]] == [
        "validation",
        "risk_check",
        "position_sizing",
        "execution_timing",
    ]


def test_below_min_agents_no_stage_runs_and_no_route_is_asked() -> None:
    outcome = decided(inputs(momentum(), start=normalized(), workflow=WORKFLOW, completed_by="deadline"))
    decision = outcome.decision
    assert outcome.reason == "insufficient_data"
    assert (decision["stages"], decision["current_stage"], decision["position_size"]) == ([], None, None)
    assert (decision["confidence"], decision["direction"]) == (0.82, "bullish")
    assert (decision["missing_agents"], decision["partial_data"]) == (["correlation", "risk"], True)


def test_min_agents_is_enough() -> None:
    assert decided(inputs(momentum(), risk(), start=normalized(), workflow=WORKFLOW)).action == "trade"


def test_a_correlation_without_any_valid_signal_is_still_decided() -> None:
    outcome = decided(inputs(errors={"risk": error(), "momentum": error()}, completed_by="deadline"))
    assert outcome.decision["invalid_agents"] == {
        "momentum": {"type": "validation_error", "message": "analysis.overall_score: number from 0 to 1"},
        "risk": {"type": "validation_error", "message": "analysis.overall_score: number from 0 to 1"},
    }
    assert outcome.decision["missing_agents"] == ["correlation"]
    assert (outcome.decision["confidence"], outcome.decision["source_signal"]) == (None, None)


def test_signals_of_agents_that_the_workflow_does_not_name_count_for_nothing() -> None:
    strange = enriched("astrology", {"confidence": 0.0})
    without = decided(inputs(workflow=WORKFLOW))
    outcome = decided(
        inputs(
            momentum(),
            risk(),
            correlation(),
            strange,
            start=normalized(),
            workflow=WORKFLOW,
            errors={"tarot": SignalError("validation_error", "analysis: object")},
        )
    )
    assert "astrology" not in outcome.value.decode()
    assert "tarot" not in outcome.value.decode()
    assert outcome.decision | {"decision_id": ""} == without.decision | {"decision_id": ""}
    assert outcome.decision_id != without.decision_id


def test_an_unnamed_agent_can_still_contradict_the_source() -> None:
    other = enriched("astrology", {}, source={"instrument": "GBPUSD"})
    assert decided(inputs(momentum(), risk(), other, start=normalized())).reason == "source_conflict"


def test_an_optional_agent_contributes_without_being_required() -> None:
    sentiment = enriched("sentiment", {"confidence": 0.9}, agent_version=None)
    outcome = decided(inputs(momentum(), risk(), sentiment, start=normalized(), completed_by="deadline"))
    assert outcome.decision["contributing_agents"] == ["momentum", "risk", "sentiment"]
    part = outcome.decision["contributing_signals"][2]
    assert (part["contribution"], part["agent_version"]) == (None, None)
    assert outcome.decision["partial_data"] is True


def test_without_a_trend_nothing_is_ordered_where_momentum_is_not_asked_either() -> None:
    given = inputs(risk(), correlation(), start=normalized(), workflow=NO_MOMENTUM)
    assert (decided(given).reason, decided(given).decision["direction"]) == ("no_direction", None)


def test_risk_is_asked_even_where_the_workflow_does_not_name_it() -> None:
    workflow = default_workflow(
        required_agents=["momentum"],
        optional_agents=[],
        min_agents=1,
        weights={"momentum": {"weight": 1, "value": "confidence"}},
        routes=[{"name": "default", "action": "trade", "execution_topic": "execution.order"}],
    )
    assert decided(inputs(momentum(), risk(), start=normalized(), workflow=workflow)).reason == "no_risk_view"


@pytest.mark.parametrize(
    ("trend", "side", "reason"),
    [
        ("bullish", "buy", "high_confidence_momentum"),
        ("bearish", "sell", "high_confidence_momentum"),
        ("bullish", "sell", "direction_conflict"),
        ("bearish", "buy", "direction_conflict"),
        ("sideways", "sell", "no_direction"),
        ("unknown", "buy", "no_direction"),
        (None, "buy", "no_direction"),
    ],
)
def test_the_trend_must_go_the_way_of_the_side(trend: str | None, side: str, reason: str) -> None:
    source = {**builders.SOURCE, "side": side}
    everyone = [
        momentum(envelope={"source": source}, trend_direction=trend),
        risk(envelope={"source": source}),
        correlation(envelope={"source": source}),
    ]
    outcome = decided(inputs(*everyone, start=normalized(side=side)))
    assert outcome.reason == reason
    assert outcome.decision["direction"] == (trend or "unknown")


def test_the_crypto_route_halves_the_size_and_asks_for_checks() -> None:
    source = {**builders.SOURCE, "instrument": "BTC/USD"}
    everyone = [
        momentum(envelope={"source": source}),
        risk(envelope={"source": source}, risk_level="high"),
        correlation(envelope={"source": source}),
    ]
    outcome = decided(inputs(*everyone, start=normalized(instrument="BTC/USD")))
    decision = outcome.decision
    assert (outcome.action, outcome.reason, decision["route"]) == (
        "trade_with_caution",
        "crypto_high_risk",
        "crypto_high_risk",
    )
    assert (decision["position_size"], decision["position_multiplier"]) == (3750.0, 0.5)
    assert decision["additional_checks"] == ["volatility", "liquidity"]
    assert decision["execution_topic"] == "execution.crypto.high_risk"


def test_the_forex_route_names_its_strategy() -> None:
    decision = decided(inputs(momentum(momentum_strength=0.9), risk(), start=normalized())).decision
    assert (decision["route"], decision["strategy"]) == ("forex_momentum", "momentum_breakout")


def test_times_are_written_in_utc_and_cut_at_milliseconds() -> None:
    agent = momentum()
    assert agent.body is not None
    body = {**agent.body, "enriched_at": "2026-01-15T12:30:01.5009999+02:00"}
    decision = decided(inputs(builders.signal("momentum", body), risk(), start=normalized())).decision
    assert decision["contributing_signals"][0]["enriched_at"] == "2026-01-15T10:30:01.500Z"


def test_neither_offsets_nor_arrival_order_show_in_the_decision() -> None:
    first = inputs(momentum(), risk(), correlation(), start=normalized(), workflow=WORKFLOW)
    moved = {"envelope": {"offset": 77, "timestamp": START + 3_000}}
    second = inputs(
        correlation(**moved), risk(**moved), momentum(**moved), start=normalized(offset=9), workflow=WORKFLOW
    )
    assert decided(first).value == decided(second).value


def test_payloads_that_a_stored_row_kept_as_bytes_give_the_same_decision() -> None:
    expected = decided(inputs(workflow=WORKFLOW)).value
    given = inputs(workflow=WORKFLOW)
    for signal in [*given.used.values(), given.normalized]:
        assert signal is not None
        signal.payload = signal.body = None
    assert decided(given).value == expected

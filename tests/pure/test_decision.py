"""``decide``: the precedence of contracts §5, what a decision says, and what no valid payload can change."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.decision import decide
from orchestration.effects import outcome_messages
from orchestration.inputs import CompletedBy, Inputs
from orchestration.messages.decision import Decision
from orchestration.outcome import Outcome
from orchestration.signal import Signal, SignalError
from tests.pure import builders
from tests.pure.builders import (
    DECIDED,
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
    outcome = decide(given, WORKFLOWS, VERSION)
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


@dataclass
class Case:
    """A correlation that can be made worse step by step."""

    signals: dict[str, Signal] = field(
        default_factory=lambda: {"momentum": momentum(), "risk": risk(), "correlation": correlation()}
    )
    start: Signal | None = field(default_factory=normalized)
    min_agents: int = 1

    def outcome(self) -> Outcome:
        workflow = default_workflow(min_agents=self.min_agents)
        return decided(inputs(*self.signals.values(), start=self.start, errors={}, workflow=workflow))

    def analysis(self, agent: str, **changes: Any) -> None:
        if agent in self.signals:
            body = self.signals[agent].body or {}
            self.signals[agent] = enriched(
                agent, {**body["analysis"], **changes}, source=body["source_signal"]
            )

    def source(self, agent: str, **changes: Any) -> None:
        if agent in self.signals:
            body = self.signals[agent].body or {}
            self.signals[agent] = enriched(
                agent, body["analysis"], source={**(body["source_signal"] or {}), **changes}
            )

    def too_few(self) -> None:
        self.min_agents = 4

    def risk_silent(self) -> None:
        self.signals.pop("risk", None)

    def momentum_silent(self) -> None:
        self.signals.pop("momentum", None)

    def no_size(self) -> None:
        self.analysis("risk", position_sizing=None)

    def no_instrument(self) -> None:
        self.start = None
        for agent in self.signals:
            self.source(agent, instrument=None)

    def informational(self) -> None:
        if self.start is not None:
            self.start = normalized(side=None)
        for agent in self.signals:
            self.source(agent, side=None)

    def weak(self) -> None:
        self.analysis("momentum", momentum_strength=0.1)


Step = tuple[int, str, str, Callable[[Case], None]]
PRECEDENCE: list[Step] = [
    (1, "insufficient_data", "insufficient_data", Case.too_few),
    (2, "no_trade", "risk_blocked", lambda case: case.analysis("risk", risk_level="blocked")),
    (3, "monitor", "no_risk_view", Case.risk_silent),
    (3, "monitor", "no_momentum_view", Case.momentum_silent),
    (4, "monitor", "poor_signal_quality", lambda case: case.analysis("correlation", confidence=0.0)),
    (4, "monitor", "excessive_risk", lambda case: case.analysis("risk", overall_score=0.81)),
    (4, "monitor", "no_position_size", Case.no_size),
    (
        5,
        "monitor",
        "source_conflict",
        lambda case: case.source("correlation", instrument="GBPUSD", side="sell"),
    ),
    (5, "monitor", "no_instrument", Case.no_instrument),
    (5, "monitor", "informational", Case.informational),
    (5, "monitor", "no_direction", lambda case: case.analysis("momentum", trend_direction="sideways")),
    (5, "monitor", "direction_conflict", lambda case: case.analysis("momentum", trend_direction="bearish")),
    (6, "monitor", "insufficient_confidence", Case.weak),
    (6, "trade", "high_confidence_momentum", lambda case: None),
]
# Both of a pair at once are not possible where one takes away what the other needs.
TOGETHER = [
    (earlier, later)
    for place, earlier in enumerate(PRECEDENCE)
    for later in PRECEDENCE[place + 1 :]
    if {earlier[2], later[2]}
    not in (
        {"risk_blocked", "no_risk_view"},
        {"source_conflict", "no_instrument"},
        {"no_direction", "direction_conflict"},
    )
]


@pytest.mark.parametrize("step", PRECEDENCE, ids=lambda step: step[2])
def test_each_rule_of_precedence_gives_its_action_and_reason(step: Step) -> None:
    precedence, action, reason, worsen = step
    case = Case()
    worsen(case)
    outcome = case.outcome()
    assert (outcome.trace.verdict.precedence, outcome.action, outcome.reason) == (precedence, action, reason)


@pytest.mark.parametrize(("earlier", "later"), TOGETHER, ids=[f"{a[2]}-{b[2]}" for a, b in TOGETHER])
def test_where_two_rules_apply_the_earlier_one_wins(earlier: Step, later: Step) -> None:
    case = Case()
    later[3](case)
    earlier[3](case)
    assert case.outcome().reason == earlier[2]


@pytest.mark.parametrize(
    "step", [step for step in PRECEDENCE if step[2] != "high_confidence_momentum"], ids=lambda s: s[2]
)
def test_nothing_is_ordered_unless_the_route_trades(step: Step) -> None:
    case = Case()
    step[3](case)
    outcome = case.outcome()
    decision = outcome.decision
    assert outcome.order is None
    assert not [m.topic for m in outcome_messages(outcome, {}) if m.topic.startswith("execution")]
    assert (decision["strategy"], decision["additional_checks"], decision["execution_topic"]) == (
        None,
        [],
        None,
    )
    assert decision["position_multiplier"] == 1.0
    assert (decision["route"] is None) is (step[0] == 1)
    assert decision["handler"] == decision["route"]


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
        signal.body = None
    assert decided(given).value == expected


fraction = st.floats(0, 1) | st.integers(0, 1)
odd: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(-2, 2)
    | st.text(max_size=3)
    | st.just([])
    | st.just({})
)
size = st.none() | st.floats(0, 1.7e308) | st.integers(0, 10**300)
source = st.fixed_dictionaries(
    {},
    optional={
        "instrument": st.sampled_from(["EURUSD", "BTC/USD", "SPY", None]),
        "price": st.none() | st.floats(min_value=0, max_value=1e308, exclude_min=True),
        "side": st.sampled_from(["buy", "sell", None]),
        "timestamp": st.sampled_from(
            ["2026-01-15T10:30:00Z", "2026-01-15T10:31:30+00:00", "0001-01-01T00:00:00Z", None]
        ),
    },
)
momentums = st.fixed_dictionaries(
    {"confidence": fraction},
    optional={
        "momentum_strength": st.none() | fraction,
        "trend_direction": st.sampled_from(["bullish", "bearish", "sideways", "unknown", None]),
        "source_signal": odd,
    },
)
risks = st.fixed_dictionaries(
    {"overall_score": fraction},
    optional={
        "confidence": st.none() | fraction,
        "risk_level": st.sampled_from(["low", "medium", "high", "blocked", None]),
        "position_sizing": st.none()
        | st.fixed_dictionaries({}, optional={"recommended_size": size, "max_position_size": size, "x": odd}),
        "recommendations": st.none()
        | st.fixed_dictionaries({}, optional={"suggested_stop_loss": st.none() | st.floats(1e-300, 1e300)}),
        "exposure_analysis": odd | st.fixed_dictionaries({"current_exposure_pct": odd}),
        "volatility_metrics": odd | st.fixed_dictionaries({"vol_percentile": odd}),
    },
)
correlations = st.fixed_dictionaries(
    {"portfolio_impact": fraction}, optional={"confidence": st.none() | fraction}
)
others = st.fixed_dictionaries({}, optional={"confidence": st.none() | fraction, "anything": odd})


# Good signals come often, or hardly any example would get past the stages to an order.
sources = st.just(builders.SOURCE) | st.just(builders.SOURCE) | source
bull: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "confidence": st.floats(0.6, 1),
        "momentum_strength": st.floats(0.5, 1),
        "trend_direction": st.sampled_from(["bullish", "bullish", "bearish"]),
    }
)
calm: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "overall_score": st.floats(0, 0.8),
        "risk_level": st.sampled_from(["low", "medium", "high", None]),
        "position_sizing": st.fixed_dictionaries({"recommended_size": st.floats(0.01, 1e18)}),
    }
)
KINDS: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "momentum": bull | bull | momentums,
    "risk": calm | calm | risks,
    "correlation": st.just(builders.CORRELATION) | correlations,
    "sentiment": others,
    "zeta": others,
}


@st.composite
def any_inputs(draw: st.DrawFn) -> Inputs:
    there = draw(
        st.sets(st.sampled_from(sorted(KINDS)), max_size=5) | st.just({"momentum", "risk", "correlation"})
    )
    signals = [
        enriched(agent, draw(KINDS[agent]), source=draw(st.none() | sources)) for agent in sorted(there)
    ]
    start = None
    if draw(st.booleans()):
        start = normalized(
            instrument=draw(st.sampled_from(["EURUSD", "EURUSD", "BTC/USD"])),
            side=draw(st.sampled_from(["buy", "buy", "sell", None])),
            price=draw(st.floats(0.001, 1e18) | st.floats(1e-300, 1e300)),
            strength=None,
        )
    completed_by: CompletedBy = draw(st.sampled_from(["all_required", "deadline"]))
    return inputs(
        *signals,
        start=start,
        errors={},
        workflow=WORKFLOW,
        orchestrated_at=DECIDED + draw(st.integers(0, 290_000) | st.integers(0, 400_000)),
        completed_by=completed_by,
    )


@settings(deadline=None)  # a busy machine is no failure
@given(any_inputs())
def test_whatever_valid_signals_say_there_is_one_decision_and_at_most_one_order(given: Inputs) -> None:
    bodies = copy.deepcopy({agent: signal.body for agent, signal in given.used.items()})
    outcome = decided(given)
    decision = msgspec.json.decode(outcome.value)
    messages = outcome_messages(outcome, {"signals.normalized": 1})

    executable = [message for message in messages if message.topic.startswith("execution")]
    trades = outcome.action in ("trade", "trade_with_caution")
    assert len(executable) == (1 if trades else 0)
    assert trades is (outcome.order is not None)
    assert trades <= (outcome.trace.verdict.precedence == 6)
    names = [route.name for route in WORKFLOW.routes]
    assert (decision["route"] in names) is (outcome.trace.verdict.precedence > 1)
    parts = [s["contribution"] for s in decision["contributing_signals"] if s["contribution"] is not None]
    if decision["confidence"] is None:
        assert parts == []
    else:
        assert sum(parts) == pytest.approx(decision["confidence"], abs=1e-9)
    assert {agent: signal.body for agent, signal in given.used.items()} == bodies
    assert decide(given, WORKFLOWS, VERSION).value == outcome.value

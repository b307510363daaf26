"""The six rules of precedence (contracts §5): what each gives, and that the earlier one wins."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from orchestration.decision import decide
from orchestration.effects import outcome_messages
from orchestration.outcome import Outcome
from orchestration.signal import Signal
from tests.pure.builders import (
    VERSION,
    correlation,
    default_workflow,
    enriched,
    inputs,
    momentum,
    normalized,
    risk,
    workflows,
)

WORKFLOWS = workflows()


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
        given = inputs(*self.signals.values(), start=self.start, errors={}, workflow=workflow)
        return decide(given, VERSION)

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

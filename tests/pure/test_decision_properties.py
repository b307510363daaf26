"""What holds for every decision, whatever valid signals say."""

import copy

import msgspec
import pytest
from hypothesis import given, settings

from orchestration.decision import decide
from orchestration.effects import outcome_messages
from orchestration.inputs import Inputs
from orchestration.messages.decision import Decision
from tests.pure.builders import VERSION
from tests.pure.strategies import WORKFLOW, any_inputs


@settings(deadline=None)  # a busy machine is no failure
@given(any_inputs())
def test_whatever_valid_signals_say_there_is_one_decision_and_at_most_one_order(given: Inputs) -> None:
    bodies = copy.deepcopy({agent: signal.body for agent, signal in given.used.items()})
    outcome = decide(given, VERSION)
    Decision.model_validate_json(outcome.value)
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
    assert decide(given, VERSION).value == outcome.value

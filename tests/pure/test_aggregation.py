"""Confidence and contributions (contracts §5)."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.aggregation import Aggregate, aggregate
from orchestration.plan import plan_of
from orchestration.signal import Signal
from orchestration.workflow import Workflow
from tests.pure.builders import by_agent, correlation, default_workflow, enriched, momentum, risk

WORKFLOW = default_workflow()


def weighed(workflow: Workflow, *signals: Signal) -> Aggregate:
    return aggregate(plan_of(workflow).terms, by_agent(*signals))


def test_confidence_is_the_weighted_mean_of_what_the_agents_say() -> None:
    found = weighed(
        WORKFLOW, momentum(confidence=0.82), risk(overall_score=0.65), correlation(portfolio_impact=0.45)
    )
    assert found.confidence == pytest.approx(0.558, abs=1e-12)
    assert found.contributions == pytest.approx(
        {"momentum": 0.328, "risk": 0.14, "correlation": 0.09}, abs=1e-12
    )


@pytest.mark.parametrize(
    ("signals", "confidence"),
    [
        ([momentum(confidence=0.5), risk(overall_score=0.1)], (0.4 * 0.5 + 0.4 * 0.9) / 0.8),
        ([momentum(confidence=0.5)], 0.5),
        ([risk(overall_score=1)], 0.0),
        ([correlation(portfolio_impact=1)], 1.0),
    ],
    ids=["without correlation", "momentum alone", "worst risk", "full impact"],
)
def test_the_weights_of_missing_agents_fall_to_the_others(signals: list[Any], confidence: float) -> None:
    assert weighed(WORKFLOW, *signals).confidence == pytest.approx(confidence, abs=1e-12)


def test_there_is_no_confidence_without_a_weighted_agent() -> None:
    assert weighed(WORKFLOW) == (None, {})
    assert weighed(WORKFLOW, enriched("sentiment", {"confidence": 0.9})) == (None, {})


def test_an_agent_without_a_weight_contributes_nothing() -> None:
    found = weighed(WORKFLOW, momentum(), enriched("sentiment", {"confidence": 0.1}))
    assert found.confidence == pytest.approx(0.82)
    assert "sentiment" not in found.contributions


@pytest.mark.parametrize("value", [None, "0.9", True, -0.1, 1.1, 10**400, [], {}], ids=repr)
@pytest.mark.parametrize("formula", ["score", "1 - score"])
def test_a_value_that_is_no_number_from_0_to_1_adds_no_confidence(value: Any, formula: str) -> None:
    workflow = default_workflow(
        weights={
            "momentum": {"weight": 0.5, "value": "confidence"},
            "sentiment": {"weight": 0.5, "value": formula},
        }
    )
    found = weighed(workflow, momentum(confidence=0.8), enriched("sentiment", {"score": value}))
    assert found.contributions == {"momentum": 0.4, "sentiment": 0.0}
    assert found.confidence == 0.4


def test_a_weighted_value_may_lie_deeper_in_the_analysis() -> None:
    workflow = default_workflow(weights={"macro": {"weight": 1, "value": "1 - outlook.stress"}})
    found = weighed(workflow, enriched("macro", {"outlook": {"stress": 0.25}}))
    assert found.confidence == 0.75


fraction = st.floats(0, 1)


@settings(deadline=None)  # a busy machine is no failure
@given(
    fraction, fraction, fraction, st.sets(st.sampled_from(["momentum", "risk", "correlation"]), min_size=1)
)
def test_contributions_sum_to_the_confidence_whoever_is_there(
    confidence: float, score: float, impact: float, there: set[str]
) -> None:
    everyone = (
        momentum(confidence=confidence),
        risk(overall_score=score),
        correlation(portfolio_impact=impact),
    )
    found = weighed(WORKFLOW, *(signal for signal in everyone if signal.agent in there))
    assert found.confidence is not None
    assert sum(found.contributions.values()) == pytest.approx(found.confidence, abs=1e-9)
    assert 0 <= found.confidence <= 1 + 1e-12

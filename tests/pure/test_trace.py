"""``explain``: why a decision came out as it did, for a page."""

from typing import Any

import msgspec

from orchestration.decision import decide
from orchestration.inputs import Inputs
from orchestration.trace import explain
from tests.pure.builders import VERSION, inputs, momentum, normalized, risk


def explained(given: Inputs) -> dict[str, Any]:
    outcome = decide(given, VERSION)
    explanation = explain(outcome)
    assert msgspec.json.decode(msgspec.json.encode(explanation)) == explanation
    assert explanation["decision"] == msgspec.json.decode(outcome.value)
    return explanation


def test_each_route_tried_is_shown_with_its_clauses_and_the_one_that_failed() -> None:
    explanation = explained(inputs(momentum(momentum_strength=0.55), risk(), start=normalized()))
    crypto, forex, default = explanation["routes"]
    assert crypto["failed"] == {
        "field": "momentum.source_signal.instrument",
        "op": "ends_with",
        "value": "/USD",
    }
    assert [(part["found"], part["holds"]) for part in forex["clauses"]] == [("EURUSD", True), (0.55, False)]
    assert (default["matched"], default["failed"]) == (True, None)
    assert default["withheld"] == {"field": "momentum.momentum_strength", "op": "gt", "value": 0.6}
    assert explanation["precedence"] == {"step": 6, "rule": "the first matching route"}


def test_contributions_and_stages_are_shown() -> None:
    explanation = explained(inputs(momentum(), risk(overall_score=0.9), start=normalized()))
    assert [(part["agent"], part["weight"], part["value"]) for part in explanation["contributions"]] == [
        ("momentum", 0.4, "confidence"),
        ("risk", 0.4, "1 - overall_score"),
        ("correlation", 0.2, "portfolio_impact"),
    ]
    assert explanation["contributions"][2]["contribution"] is None
    assert explanation["precedence"]["step"] == 4
    assert explanation["stages"][-1]["result"]["reason"] == "excessive_risk"


def test_too_few_signals_are_explained_without_routes() -> None:
    explanation = explained(inputs(momentum(), start=normalized()))
    assert (explanation["precedence"]["step"], explanation["routes"], explanation["stages"]) == (1, [], [])


def test_numbers_that_json_libraries_would_write_with_an_exponent_stay_numbers() -> None:
    explanation = explained(
        inputs(momentum(), risk(position_sizing={"recommended_size": 1e20}), start=normalized())
    )
    assert explanation["stages"][2]["result"] == {"base_size": 1e20, "position_size": 1e20}

"""Conditions: what holds, what is missing, what is of another kind, and what the trace says of it."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from orchestration.body import body_of
from orchestration.condition import Clause
from orchestration.rules import View, first_failed, trace
from orchestration.workflow import Route
from tests.pure.builders import by_agent, enriched, momentum, risk, signal

VIEW = View("BTC/USD", by_agent(momentum(), risk(risk_level="high")))


def condition(*items: Any) -> Any:
    route = {"name": "one", "action": "monitor", "when": list(items)}
    return Route.model_validate(route).when


def clause(field: str, op: str, value: Any) -> dict[str, Any]:
    return {"field": field, "op": op, "value": value}


def holds(*items: Any, view: View = VIEW) -> bool:
    asked = condition(*items)
    answer = first_failed(asked, view) is None
    # Pages must never tell another story than the one that was decided on.
    assert all(part["holds"] for part in trace(asked, view)) is answer
    return answer


@pytest.mark.parametrize(
    ("field", "op", "value", "expected"),
    [
        ("risk.risk_level", "eq", "high", True),
        ("risk.risk_level", "eq", "low", False),
        ("risk.risk_level", "ne", "low", True),
        ("risk.risk_level", "ne", "high", False),
        ("momentum.momentum_strength", "eq", 0.65, True),
        ("momentum.momentum_strength", "gt", 0.65, False),
        ("momentum.momentum_strength", "ge", 0.65, True),
        ("momentum.momentum_strength", "lt", 0.65, False),
        ("momentum.momentum_strength", "le", 0.65, True),
        ("momentum.momentum_strength", "lt", 1, True),
        ("risk.risk_level", "in", ["low", "high"], True),
        ("risk.risk_level", "in", ["low", "medium"], False),
        ("risk.risk_level", "not_in", ["low", "medium"], True),
        ("risk.risk_level", "not_in", ["high"], False),
        ("momentum.confidence", "in", [0.82, 1], True),
        ("instrument", "starts_with", "BTC", True),
        ("instrument", "starts_with", "USD", False),
        ("instrument", "ends_with", "/USD", True),
        ("instrument", "ends_with", "EUR", False),
        ("instrument", "length", 7, True),
        ("instrument", "length", 6, False),
        ("instrument", "exists", True, True),
        ("risk.missing", "exists", True, False),
        ("risk.missing", "exists", False, True),
    ],
)
def test_each_operator_compares_as_its_name_says(field: str, op: str, value: Any, expected: bool) -> None:
    assert holds(clause(field, op, value)) is expected


@pytest.mark.parametrize(
    "field", ["momentum.nothing", "momentum.nothing.at.all", "sentiment.score", "risk.risk_level.x"]
)
def test_a_missing_field_reads_as_empty_zero_or_false(field: str) -> None:
    assert holds(clause(field, "eq", ""), clause(field, "eq", 0), clause(field, "eq", False))
    assert holds(clause(field, "length", 0), clause(field, "lt", 0.1), clause(field, "ne", "high"))
    assert not holds(clause(field, "gt", 0))
    assert not holds(clause(field, "eq", True))
    assert not holds(clause(field, "in", ["low"]))


def test_a_null_field_is_a_missing_one() -> None:
    body = body_of(enriched("sentiment", {})) | {"analysis": {"score": None}, "score": None}
    view = View(None, by_agent(signal("sentiment", body)))
    assert holds(clause("sentiment.score", "exists", False), view=view)
    assert holds(clause("instrument", "eq", ""), view=View(None, {}))


@pytest.mark.parametrize(
    ("found", "op", "value"),
    [
        ("high", "gt", 0.5),
        ("0.9", "gt", 0.5),
        (0.9, "eq", "0.9"),
        (0.9, "ne", "high"),
        (0.9, "not_in", ["high"]),
        ("high", "not_in", [1, 2]),
        (True, "gt", 0.7),
        (True, "eq", 1),
        (1, "eq", True),
        (5, "starts_with", "5"),
        ([1, 2], "length", 2),
        ({"a": 1}, "eq", ""),
        ([], "lt", 1),
    ],
    ids=str,
)
def test_a_field_of_another_kind_than_the_operand_does_not_hold(found: Any, op: str, value: Any) -> None:
    view = View(None, by_agent(enriched("sentiment", {"score": found})))
    assert not holds(clause("sentiment.score", op, value), view=view)


def test_a_field_is_looked_up_in_the_analysis_before_the_top() -> None:
    body = body_of(enriched("sentiment", {"score": 1})) | {"score": 2, "note": "top"}
    view = View(None, by_agent(signal("sentiment", body)))
    assert holds(clause("sentiment.score", "eq", 1), clause("sentiment.note", "eq", "top"), view=view)


def test_an_unchecked_copy_of_the_source_signal_inside_the_analysis_steers_nothing() -> None:
    view = View(None, by_agent(momentum(source_signal={"instrument": "DOGE/USD"})))
    assert holds(clause("momentum.source_signal.instrument", "eq", "EURUSD"), view=view)


def test_an_unsaid_trend_reads_as_unknown_where_momentum_spoke() -> None:
    view = View(None, by_agent(momentum(trend_direction=None)))
    assert holds(clause("momentum.trend_direction", "eq", "unknown"), view=view)
    assert holds(clause("momentum.trend_direction", "exists", False), view=view)
    assert holds(clause("momentum.trend_direction", "eq", ""), view=View(None, {}))


def test_any_of_holds_with_one_and_all_of_with_every_clause() -> None:
    yes, no = clause("instrument", "length", 7), clause("instrument", "length", 8)
    assert holds({"any_of": [no, yes]})
    assert not holds({"any_of": [no, no]})
    assert holds({"any_of": [no, {"all_of": [yes, yes]}]})
    assert not holds({"any_of": [no, {"all_of": [yes, no]}]})


def test_the_first_item_that_failed_is_named() -> None:
    asked = condition(
        clause("instrument", "length", 7),
        {"any_of": [clause("instrument", "length", 1)]},
        clause("instrument", "eq", "x"),
    )
    assert first_failed(asked, VIEW) is asked[1]


def test_an_empty_condition_always_holds() -> None:
    assert holds()


def test_the_trace_tells_what_was_found_for_each_comparison() -> None:
    asked = condition(
        clause("risk.risk_level", "eq", "low"), {"any_of": [clause("risk.overall_score", "lt", 1)]}
    )
    assert trace(asked, VIEW) == [
        {"field": "risk.risk_level", "op": "eq", "value": "low", "found": "high", "holds": False},
        {
            "any_of": [
                {"field": "risk.overall_score", "op": "lt", "value": 1.0, "found": 0.4, "holds": True}
            ],
            "holds": True,
        },
    ]


def test_the_trace_shows_objects_by_kind_and_long_texts_shortened() -> None:
    view = View("x" * 1000, by_agent(risk(position_sizing={"secret": 1})))
    asked = condition(clause("instrument", "exists", True), clause("risk.position_sizing", "exists", True))
    assert [part["found"] for part in trace(asked, view)] == ["x" * 200, "(dict)"]


@pytest.mark.parametrize(
    ("op", "value"),
    [
        ("gt", "0.7"),
        ("gt", True),
        ("eq", ["a"]),
        ("in", "low"),
        ("in", []),
        ("in", ["low", 1]),
        ("in", [True]),
        ("in", [["low"]]),
        ("starts_with", ""),
        ("ends_with", 1),
        ("length", 1.5),
        ("length", -1),
        ("exists", 1),
        ("exists", "yes"),
        ("eq", None),
        ("eq", float("inf")),
        ("eq", float("nan")),
        ("eq", 10**400),
        ("eq", "x" * 201),
        ("like", "x"),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_an_operand_that_does_not_fit_its_operator_is_refused(op: str, value: Any) -> None:
    with pytest.raises(ValidationError):
        condition(clause("risk.overall_score", op, value))


@pytest.mark.parametrize(
    "field", ["momentum", "", "Momentum.x", "momentum.", "momentum..x", "instrument\n", "1.x"]
)
def test_a_field_is_the_instrument_or_a_path_in_an_agents_payload(field: str) -> None:
    with pytest.raises(ValidationError):
        condition(clause(field, "exists", True))


def test_conditions_are_bounded_in_depth_and_in_clauses_at_any_depth() -> None:
    leaf = clause("instrument", "exists", True)
    condition({"any_of": [{"all_of": [leaf]}]})
    with pytest.raises(ValidationError, match="levels deep"):
        condition({"any_of": [{"all_of": [{"any_of": [leaf]}]}]})
    condition(*[{"any_of": [leaf] * 8}] * 4)
    with pytest.raises(ValidationError, match="clauses in all"):
        condition(*[{"any_of": [leaf] * 11}] * 3)


def test_a_whole_number_and_its_float_are_the_same_rule() -> None:
    assert Clause(field="risk.x", op="gt", value=1) == Clause(field="risk.x", op="gt", value=1.0)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=5), inside, max_size=3),
    max_leaves=8,
)
OPERANDS = {
    "eq": st.one_of(st.text(max_size=9), st.floats(-9, 9), st.booleans()),
    "gt": st.floats(-9, 9),
    "le": st.floats(-9, 9),
    "in": st.lists(st.text(max_size=3), min_size=1, max_size=3),
    "not_in": st.lists(st.floats(-9, 9), min_size=1, max_size=3),
    "starts_with": st.text(min_size=1, max_size=3),
    "length": st.integers(0, 9),
    "exists": st.booleans(),
}


@settings(deadline=None)  # a busy machine is no failure
@given(found=JSON, op=st.sampled_from(sorted(OPERANDS)), data=st.data())
def test_no_payload_makes_a_rule_raise(found: Any, op: str, data: st.DataObject) -> None:
    value = data.draw(OPERANDS[op])
    body = body_of(enriched("sentiment", {})) | {"analysis": {"x": found}, "y": found}
    view = View(None, by_agent(signal("sentiment", body)))
    for field in ("sentiment.x", "sentiment.y", "sentiment.x.y", "sentiment.source_signal.x"):
        holds(clause(field, op, value), view=view)

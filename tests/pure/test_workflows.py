"""Workflows: which one is chosen, what is refused, what is warned about, and what changes a digest."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from orchestration.workflow import Workflow
from orchestration.workflows import Workflows, warnings
from tests.pure.builders import DEFAULT, default_workflow

ETF = [{"field": "instrument", "op": "in", "value": ["SPY", "QQQ", "IWM"]}]
CRYPTO = [{"field": "instrument", "op": "ends_with", "value": "/USD"}]


def three() -> Workflows:
    return Workflows(
        [
            default_workflow(name="crypto", match=CRYPTO),
            default_workflow(name="etf", match=ETF, optional_agents=["macro", "breadth"]),
            default_workflow(),
        ]
    )


@pytest.mark.parametrize(
    ("instrument", "name"),
    [("BTC/USD", "crypto"), ("SPY", "etf"), ("EURUSD", "default"), ("", "default"), (None, "default")],
)
def test_the_first_workflow_that_matches_the_instrument_is_chosen(instrument: str | None, name: str) -> None:
    workflows = three()
    assert workflows.choose(instrument).name == name
    assert workflows.choose(instrument) is workflows.named(name)


def test_instruments_that_somebody_makes_up_do_not_fill_the_memory() -> None:
    workflows = three()
    for number in range(10_000):
        workflows.choose(f"X{number}/USD")
    assert len(workflows._chosen) <= 4096
    assert workflows.choose("SPY").name == "etf"


def test_workflows_tell_their_names_agents_and_topics() -> None:
    workflows = three()
    assert [workflow.name for workflow in workflows] == ["crypto", "etf", "default"]
    assert len(workflows) == 3
    assert workflows.agents == ("breadth", "correlation", "macro", "momentum", "risk", "sentiment")
    assert workflows.topics == ("execution.crypto.high_risk", "execution.forex.momentum", "execution.order")
    with pytest.raises(KeyError):
        workflows.named("none")


def test_topics_to_notify_are_output_topics_too() -> None:
    route = {"name": "default", "action": "monitor", "notify": ["desk.fx"]}
    assert Workflows([default_workflow(routes=[route])]).topics == ("desk.fx",)


def test_a_digest_changes_with_everything_that_a_workflow_says() -> None:
    workflows = three()
    digests = [workflows.digest(workflow) for workflow in workflows]
    assert all(len(digest) == 64 for digest in digests)
    changed = default_workflow(timeout_sec=299.5)
    assert len({*digests, workflows.digest(changed)}) == 4


def test_a_digest_does_not_change_with_the_way_a_workflow_is_written() -> None:
    written = copy.deepcopy(DEFAULT)
    written["timeout_sec"] = 300.0
    del written["stages"]
    written["routes"][1]["when"][1]["value"] = 0.70
    written["routes"][0]["when"] = tuple(written["routes"][0]["when"])
    workflows = Workflows([default_workflow()])
    assert workflows.digest(Workflow.model_validate(written)) == workflows.digest(default_workflow())


def test_the_digest_of_all_depends_on_the_order() -> None:
    first, second = default_workflow(name="a"), default_workflow(name="b")
    assert Workflows([first, second]).digest_of_all != Workflows([second, first]).digest_of_all


@pytest.mark.parametrize(
    ("workflows", "message"),
    [
        ([], "at least one"),
        ([default_workflow(match=ETF)], r"workflows\.0\.match: empty"),
        ([default_workflow(), default_workflow()], r"workflows\.1\.name: used once"),
    ],
    ids=["none", "no catch-all", "same name"],
)
def test_a_list_that_could_leave_a_correlation_undecided_is_refused(
    workflows: list[Workflow], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Workflows(workflows)


Change = Callable[[dict[str, Any]], object]
REFUSED: list[tuple[str, Change, str]] = [
    ("unknown field", lambda w: w.update(colour="red"), "Extra inputs"),
    ("min_agents above the agents", lambda w: w.update(min_agents=6), "min_agents: at most 5"),
    ("min_agents of 0", lambda w: w.update(min_agents=0), "greater than or equal to 1"),
    ("weights below 1", lambda w: w["weights"]["risk"].update(weight=0.39), "weights: sum to 1"),
    ("weights off by 2e-9", lambda w: w["weights"]["risk"].update(weight=0.400000002), "weights: sum to 1"),
    ("no weights", lambda w: w.update(weights={}), "weights: sum to 1"),
    (
        "weight of a stranger",
        lambda w: w.update(weights={"zeta": {"weight": 1, "value": "x"}}),
        "weights.zeta",
    ),
    ("weight of code", lambda w: w["weights"]["risk"].update(value="1 - __import__('os')"), "pattern"),
    ("agent twice", lambda w: w.update(optional_agents=["risk"]), "each agent once"),
    (
        "agent called normalized",
        lambda w: w.update(optional_agents=["normalized"]),
        "not the name of an agent",
    ),
    ("no required agent", lambda w: w.update(required_agents=[]), "at least 1 item"),
    ("route name twice", lambda w: w["routes"][1].update(name="default"), r"routes.2.name: used once"),
    ("last route conditional", lambda w: w["routes"][2].update(when=w["routes"][0]["when"]), "match always"),
    ("no risk_check", lambda w: w["stages"].update(risk_check=None), "stages.risk_check: needed"),
    (
        "no position_sizing",
        lambda w: w["stages"].update(position_sizing=None),
        "stages.position_sizing: needed",
    ),
    (
        "no execution_timing",
        lambda w: w["stages"].update(execution_timing=None),
        "stages.execution_timing: needed",
    ),
    (
        "rule about a stranger",
        lambda w: w["routes"][0]["when"][1].update(field="zeta.x"),
        r"routes.0.when: fields",
    ),
    (
        "match on an agent",
        lambda w: w.update(match=w["routes"][0]["when"]),
        "match: clauses about instrument only",
    ),
    (
        "trade to nowhere",
        lambda w: w["routes"][0].pop("execution_topic"),
        "execution_topic: a route that gives",
    ),
    (
        "trade elsewhere",
        lambda w: w["routes"][0].update(execution_topic="orders.x"),
        "execution_topic: a route",
    ),
    ("monitor with a topic", lambda w: w["routes"][0].update(action="monitor"), "only a route that trades"),
    ("only_when alone", lambda w: w["routes"][2].pop("otherwise"), "otherwise: needed"),
    ("otherwise alone", lambda w: w["routes"][2].pop("only_when"), "otherwise: needed"),
    ("otherwise trades", lambda w: w["routes"][2]["otherwise"].update(action="trade"), "monitor"),
    ("notify an executor", lambda w: w["routes"][0].update(notify=["execution.order"]), "for orders only"),
    ("notify an input", lambda w: w["routes"][0].update(notify=["signals.normalized"]), "uses itself"),
    ("notify twice", lambda w: w["routes"][0].update(notify=["a", "a"]), "each topic once"),
    ("multiplier of 0", lambda w: w["routes"][0].update(position_multiplier=0), "greater than"),
    ("timeout as text", lambda w: w.update(timeout_sec="300"), "valid number"),
    ("infinite timeout", lambda w: w.update(timeout_sec=float("inf")), "finite"),
]


@pytest.mark.parametrize(
    ("change", "message"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED]
)
def test_a_workflow_that_is_wrong_or_unsafe_is_refused(change: Change, message: str) -> None:
    written = copy.deepcopy(DEFAULT)
    change(written)
    with pytest.raises(ValidationError, match=message):
        Workflow.model_validate(written)


def test_every_problem_of_a_workflow_is_told_at_once() -> None:
    with pytest.raises(ValidationError) as refused:
        default_workflow(min_agents=9, weights={"risk": {"weight": 0.5, "value": "overall_score"}})
    assert "min_agents" in str(refused.value)
    assert "weights" in str(refused.value)


def test_weights_may_miss_1_by_a_rounding_error() -> None:
    third = {"weight": 1 / 3, "value": "confidence"}
    default_workflow(weights={"momentum": third, "risk": third, "correlation": third})


def test_a_workflow_that_never_trades_may_leave_stages_out() -> None:
    default_workflow(
        stages={"risk_check": None, "position_sizing": None, "execution_timing": None},
        routes=[{"name": "default", "action": "monitor"}],
    )


def test_the_shipped_routes_that_trade_at_high_risk_are_warned_about() -> None:
    assert warnings([default_workflow()]) == [
        "workflow 'default': route 'crypto_high_risk' trades at risk_level high",
        "workflow 'default': route 'forex_momentum' trades at risk_level high and without a risk_level",
    ]


@pytest.mark.parametrize(
    ("risk_clause", "expected"),
    [
        ({"op": "in", "value": ["low", "medium"]}, ""),
        ({"op": "eq", "value": "low"}, ""),
        ({"op": "ne", "value": "high"}, "trades without a risk_level"),
        ({"op": "not_in", "value": ["high", ""]}, ""),
        ({"op": "exists", "value": True}, "trades at risk_level high"),
    ],
    ids=str,
)
def test_a_trade_is_warned_about_by_what_its_rule_lets_through(
    risk_clause: dict[str, Any], expected: str
) -> None:
    clause = {"field": "risk.risk_level", **risk_clause}
    other = {"field": "momentum.confidence", "op": "gt", "value": 0.9}
    for condition in ([clause, other], [other, {"any_of": [{"all_of": [clause, other]}]}]):
        route = {"name": "a", "action": "trade", "execution_topic": "execution.x", "when": condition}
        found = warnings([default_workflow(routes=[route, {"name": "default", "action": "monitor"}])])
        assert [text.rpartition("'a' ")[2] for text in found] == ([expected] if expected else [])


def test_workflows_and_routes_that_can_never_be_reached_are_warned_about() -> None:
    some = {"field": "momentum.confidence", "op": "gt", "value": 0.9}
    more = {"field": "momentum.momentum_strength", "op": "gt", "value": 0.9}
    routes = [
        {"name": "a", "action": "monitor", "when": [some]},
        {"name": "same", "action": "monitor", "when": [some]},
        {"name": "narrower", "action": "monitor", "when": [more, some]},
        {"name": "wider", "action": "monitor", "when": [{"any_of": [some, more]}]},
        {"name": "all", "action": "monitor"},
        {"name": "default", "action": "monitor"},
    ]
    plain = [{"name": "default", "action": "monitor"}]
    found = warnings(
        [
            default_workflow(name="etf", match=ETF, routes=routes),
            default_workflow(name="again", match=ETF, routes=plain),
            default_workflow(name="default", routes=plain),
        ]
    )
    assert found == [
        "workflow 'etf': route 'same' is never reached: all that it matches goes to 'a' before it",
        "workflow 'etf': route 'narrower' is never reached: all that it matches goes to 'a' before it",
        "workflow 'etf': route 'default' is never reached: all that it matches goes to 'all' before it",
        "workflow 'again' is never chosen for an instrument: all that it matches goes to 'etf' before it",
    ]

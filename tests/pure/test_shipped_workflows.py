"""The workflows that ship are the ones of the contracts, and each example is a complete file."""

from pathlib import Path

import pytest

from config.orchestrator_settings import SHIPPED_WORKFLOWS
from config.workflows.loader import load_workflows

EXAMPLES = sorted((SHIPPED_WORKFLOWS.parent / "examples").glob("workflows-*.yaml"))


def test_the_shipped_file_warns_that_the_forex_route_does_not_ask_for_the_risk_level() -> None:
    shipped = load_workflows(SHIPPED_WORKFLOWS)
    assert [workflow.name for workflow in shipped.workflows] == ["default"]
    (warning,) = [text for text in shipped.warnings if "forex_momentum" in text]
    assert "trades at risk_level high and without a risk_level" in warning
    assert not any("never" in text for text in shipped.warnings)


def test_the_shipped_workflow_is_the_one_of_the_contracts() -> None:
    (workflow,) = load_workflows(SHIPPED_WORKFLOWS).workflows
    assert workflow.required_agents == ("momentum", "risk", "correlation")
    assert workflow.optional_agents == ("sentiment", "macro")
    assert (workflow.timeout_sec, workflow.min_agents) == (300, 2)
    assert [(agent, part.weight, part.value) for agent, part in workflow.weights.items()] == [
        ("momentum", 0.4, "confidence"),
        ("risk", 0.4, "1 - overall_score"),
        ("correlation", 0.2, "portfolio_impact"),
    ]
    assert [(route.name, route.action, route.execution_topic) for route in workflow.routes] == [
        ("crypto_high_risk", "trade_with_caution", "execution.crypto.high_risk"),
        ("forex_momentum", "trade", "execution.forex.momentum"),
        ("default", "trade", "execution.order"),
    ]
    stages = workflow.stages
    assert stages.validation is not None
    assert stages.risk_check is not None
    assert stages.execution_timing is not None
    assert stages.validation.minimum_quality == 0.6
    assert stages.risk_check.maximum_overall_risk == 0.8
    assert stages.execution_timing.max_signal_age_sec == 300


def test_there_are_examples_for_three_markets() -> None:
    assert [path.name for path in EXAMPLES] == [
        "workflows-crypto.yaml",
        "workflows-etf.yaml",
        "workflows-fx.yaml",
    ]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_a_complete_file_that_ends_with_the_shipped_workflow(path: Path) -> None:
    shipped = load_workflows(SHIPPED_WORKFLOWS)
    example = load_workflows(path)
    assert list(example.workflows)[1:] == list(shipped.workflows)
    assert set(shipped.warnings) <= set(example.warnings)
    assert not any("never" in text for text in example.warnings)


@pytest.mark.parametrize(
    ("instrument", "example", "agents", "timeout_sec"),
    [
        ("BTC/USD", "crypto", ("momentum", "risk", "correlation", "sentiment"), 300),
        ("SPY", "etf", ("momentum", "risk", "correlation", "macro"), 180),
        ("EURUSD", "fx", ("momentum", "risk"), 120),
    ],
)
def test_an_example_takes_its_market_and_leaves_the_rest(
    instrument: str, example: str, agents: tuple[str, ...], timeout_sec: int
) -> None:
    workflows = load_workflows(SHIPPED_WORKFLOWS.parent / "examples" / f"workflows-{example}.yaml").workflows
    chosen = workflows.choose(instrument)
    assert (chosen.name, chosen.required_agents, chosen.timeout_sec) == (example, agents, timeout_sec)
    assert workflows.choose("AAPL").name == "default"

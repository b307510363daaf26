"""`orchestrator check-config`: a rule change is tested like code."""

from pathlib import Path

import pytest

from config.errors import WorkflowFileError
from config.orchestrator_settings import SHIPPED_WORKFLOWS
from config.workflows.scenarios import load_scenarios, scenarios_beside
from tests.pure.replaying import orchestrator

SHIPPED = SHIPPED_WORKFLOWS.read_text("utf-8")
SCENARIOS = scenarios_beside(SHIPPED_WORKFLOWS)


def test_the_shipped_workflows_decide_as_their_scenarios_say() -> None:
    done = orchestrator("check-config", SHIPPED_WORKFLOWS)
    assert done.exit_code == 0, done.output
    assert "warning: workflow 'default': route 'forex_momentum' trades at risk_level high" in done.stdout
    assert done.stdout.endswith("8 scenarios, 0 failed\n")


@pytest.mark.parametrize(
    ("rule", "wrong", "scenario", "difference"),
    [
        (
            "{field: momentum.momentum_strength, op: gt, value: 0.7}",
            "{field: momentum.momentum_strength, op: gt, value: 0.5}",
            "a confident momentum signal at low risk trades",
            "route: expected 'default', got 'forex_momentum'",
        ),
        (
            "position_multiplier: 0.5",
            "position_multiplier: 1.0",
            "crypto at high risk trades half, with checks",
            "position_size: expected 4000, got 8000.0",
        ),
        (
            "min_agents: 2",
            "min_agents: 1",
            "one agent alone is not enough",
            "action: expected 'insufficient_data'",
        ),
        (
            "timeout_sec: 300",
            "timeout_sec: 30",
            "before the deadline nothing is decided",
            "expected no decision",
        ),
    ],
)
def test_a_wrong_rule_fails_its_scenario(
    rule: str, wrong: str, scenario: str, difference: str, tmp_path: Path
) -> None:
    path = tmp_path / "rules.yaml"
    assert rule in SHIPPED
    path.write_text(SHIPPED.replace(rule, wrong))
    (tmp_path / "rules.scenarios.yaml").write_text(SCENARIOS.read_text())
    done = orchestrator("check-config", path)
    assert done.exit_code == 1
    line = SCENARIOS.read_text().splitlines().index(f"- name: {scenario}") + 1
    assert f"FAILED {tmp_path / 'rules.scenarios.yaml'}:{line}: {scenario}" in done.stdout
    assert difference in done.stdout
    assert "8 scenarios, 1 failed" in done.stdout


def test_a_file_without_scenarios_says_where_they_would_stand(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(SHIPPED)
    done = orchestrator("check-config", path)
    assert done.exit_code == 0
    assert f"no scenarios: {tmp_path / 'rules.scenarios.yaml'} does not exist" in done.stdout


def test_warnings_fail_where_that_is_asked_for() -> None:
    assert orchestrator("check-config", SHIPPED_WORKFLOWS, "--strict").exit_code == 1


def test_a_wrong_workflows_file_is_refused_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(SHIPPED.replace("min_agents: 2", "min_agents: 9"))
    done = orchestrator("check-config", path)
    assert done.exit_code == 2
    assert f"{path}:" in done.stderr
    assert "min_agents" in done.stderr


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("- {name: a, signals: [{agent: risk}]}", "1:3: 0.expect: expected a value: the field is missing"),
        ("- {name: a, signals: [], expect: null}", "1:13: 0.signals"),
        (
            "- {name: a, signals: [{agent: risk, after: 3}], expect: null}",
            "0.signals.0.after: got '3', expected no such",
        ),
        ("- {name: a, signals: [{agent: risk}], expect: null}\n" * 2, "got 'a', expected a name used once"),
        ("scenarios: 3", "expected a list of scenarios"),
    ],
)
def test_a_wrong_scenario_file_is_refused_with_its_place(text: str, problem: str, tmp_path: Path) -> None:
    path = tmp_path / "a.scenarios.yaml"
    path.write_text(text)
    with pytest.raises(WorkflowFileError) as refused:
        load_scenarios(path)
    assert problem in str(refused.value)
    done = orchestrator("check-config", SHIPPED_WORKFLOWS, "--scenarios", path)
    assert done.exit_code == 2


def test_a_signal_that_opens_nothing_fails_its_scenario(tmp_path: Path) -> None:
    """An agent that no workflow names, most of all: a misspelt name would otherwise just be missing."""
    path = tmp_path / "a.scenarios.yaml"
    path.write_text("- {name: a, signals: [{agent: rsik}], expect: null}")
    done = orchestrator("check-config", SHIPPED_WORKFLOWS, "--scenarios", path)
    assert done.exit_code == 1
    assert "signals: rsik: dead-lettered, wrong_topic" in done.stdout

"""A handful of faults against a real cluster, judged by every invariant: the quick part of `make faults`."""

from pathlib import Path

import pytest

from tests.faults.campaign import Plan, run_campaign
from tests.faults.report import Json
from tests.faults.schedule import QUICK, QUICKEST
from tests.real.stack_fixtures import quick_starts

__all__ = ["quick_starts"]

BUSY_MACHINE_MS = 20_000
"""How late a deadline may be on a machine that has ten times more work than cores; `make faults` asks for 1 s."""
LAG_MS = 120_000


def violations(made: Json) -> dict[str, list[str]]:
    """Examples by invariant."""
    return {verdict["name"]: verdict["examples"] for verdict in made["invariants"] if verdict["violations"]}


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "plan",
    [
        Plan(
            QUICK,
            correlations=3000,
            per_second=120.0,
            timeout_seconds=6.0,
            slack_ms=BUSY_MACHINE_MS,
            lag_limit_ms=LAG_MS,
        ),
        Plan(
            QUICKEST,
            guarantee="at_least_once",
            correlations=600,
            timeout_seconds=6.0,
            slack_ms=BUSY_MACHINE_MS,
            lag_limit_ms=LAG_MS,
        ),
    ],
    ids=lambda plan: plan.guarantee,
)
def test_every_fault_lands_and_no_invariant_is_violated(
    quick_starts: None, tmp_path: Path, plan: Plan
) -> None:
    made = run_campaign(plan, tmp_path)
    assert violations(made) == {}
    assert made["faults_landed"] >= sum(count if count < 100 else 1 for count in plan.faults.values())
    assert made["correlations"] >= plan.correlations

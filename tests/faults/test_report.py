"""The report: a table for people, a JSON file for machines."""

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from tests.faults.invariants import INVARIANTS
from tests.faults.judge import judge
from tests.faults.ledger import Ledger
from tests.faults.report import percentile, report, write_report
from tests.faults.virtual_run import FACTS, VirtualRun


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with VirtualRun(20, hot_messages=0).write(tmp_path / "ledger.sqlite") as written:
        yield written


def test_it_tells_what_was_done_what_came_of_it_and_under_which_versions(
    ledger: Ledger, tmp_path: Path
) -> None:
    ledger.connection.execute("UPDATE fault SET ended = started, recovered = started + 1500")
    missed = ledger.fault_began("broker restart")
    ledger.fault_ended(missed, landed=False)
    console = Console(file=io.StringIO(), width=200)
    write_report(
        report(ledger, judge(ledger, FACTS, INVARIANTS), broker="4.1.0"), tmp_path / "report.json", console
    )
    read = json.loads((tmp_path / "report.json").read_text())
    assert (read["seed"], read["guarantee"], read["correlations"]) == (3, "exactly_once", 20)
    assert read["faults"] == [
        {
            "fault": "kill -9",
            "made": 1,
            "landed": 1,
            "recovery_seconds": {"p50": 1.5, "p95": 1.5, "max": 1.5},
        },
        {"fault": "broker restart", "made": 1, "landed": 0, "recovery_seconds": None},
    ]
    assert 0 < read["deadlines_late_ms"]["p50"] <= read["deadlines_late_ms"]["max"] <= 250
    assert {"broker", "librdkafka", "faust-streaming", "python", "signal-orchestrator"} <= set(
        read["versions"]
    )
    assert {each["name"]: each["violations"] for each in read["invariants"]} == {
        invariant.name: int(invariant.name == "faults landed") for invariant in INVARIANTS
    }
    shown = console.file
    assert isinstance(shown, io.StringIO)
    assert "Every fault hit what it was meant to hit" in shown.getvalue()
    assert "broker restart" in shown.getvalue()


@pytest.mark.parametrize(
    ("share", "expected"), [(0.5, 10), (0.95, 19), (1.0, 20), (0.01, 1)], ids=["p50", "p95", "max", "least"]
)
def test_a_percentile_is_a_value_that_occurred(share: float, expected: int) -> None:
    assert percentile(list(range(1, 21)), share) == expected

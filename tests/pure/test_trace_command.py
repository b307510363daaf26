"""`orchestrator trace` on recordings: every message of a corr_id, and what was known of it at a time."""

import json
from pathlib import Path

import pytest

from tests.pure.golden_cases import CORR_ID, FOLDER
from tests.pure.replaying import orchestrator, sample, write

GOLDEN = FOLDER / "recording.jsonl"


def state(at: str) -> dict[str, object]:
    done = orchestrator("trace", CORR_ID, "--recording", GOLDEN, "--at", at, "--json")
    assert done.exit_code == 0, done.output
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])["state"]
    return found


def test_every_message_is_listed_with_time_and_gap() -> None:
    done = orchestrator("trace", CORR_ID, "--recording", GOLDEN)
    lines = done.stdout.splitlines()
    assert lines[0].split() == [
        "2026-01-15T10:30:00.000Z", "+0.000", "s", "signals.normalized[6]@41", "BTC/USD,", "buy,", "97250.5"
    ]  # fmt: skip
    assert lines[1].split()[:4] == [
        "2026-01-15T10:30:02.000Z",
        "+2.000",
        "s",
        "signals.enriched.momentum[6]@7",
    ]
    assert len(lines) == 12


def test_messages_of_others_are_left_out(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", sample(20))
    corr_id = (sample(20)[30].key or b"").decode()
    assert len(orchestrator("trace", corr_id, "--recording", path).stdout.splitlines()) == 3


def test_the_state_at_a_time_is_that_of_the_records_up_to_then() -> None:
    early = state("2026-01-15T10:30:02.2Z")
    assert (early["status"], early["deadline"]) == ("collecting", "2026-01-15T10:35:00.000Z")
    assert early["missing_agents"] == ["correlation", "risk"]
    assert early["invalid_agents"] == ["sentiment"]
    decided = state("2026-01-15T10:30:04.120Z")
    assert (decided["status"], decided["action"]) == ("orchestrated", "trade_with_caution")
    assert state("2026-01-15T10:30:06Z")["late_signals"] == 1
    assert state("2026-01-16T10:30:10Z")["missing_agents"] == ["correlation"]


def test_before_the_first_signal_and_after_the_marker_nothing_is_known() -> None:
    for at in ("2026-01-15T10:29:59Z", "2026-01-15T11:30:05Z"):
        assert state(at) is None


def test_a_corr_id_that_nobody_sent_is_said() -> None:
    done = orchestrator("trace", "nobody", "--recording", GOLDEN)
    assert (done.exit_code, done.stderr) == (1, "no message of nobody\n")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [(["a b"], "CORR_ID: got 'a b'"), (["a", "--at", "noon"], "got 'noon', expected RFC 3339")],
)
def test_bad_usage_is_named(arguments: list[str], expected: str) -> None:
    done = orchestrator("trace", *arguments, "--recording", GOLDEN)
    assert done.exit_code == 2
    assert expected in done.stderr

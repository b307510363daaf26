"""`orchestrator replay --verify-against` on a recording that holds both sides, without a broker."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from config.version import orchestrator_version
from orchestration.driver import OrchestratorTestDriver
from orchestration.record import LogRecord
from streams.topics import AUDIT_TOPIC, DECISION_TOPIC
from tests.pure.replaying import PARTITIONS, START, in_order, orchestrator, sample, task, write

Change = Callable[[dict[str, object]], None]


@pytest.fixture(scope="module")
def both() -> list[LogRecord]:
    """Thirty correlations, some of which end at their deadline, and what live wrote of them."""
    driver = OrchestratorTestDriver(
        task().rules().context.workflows,
        partition_count=PARTITIONS,
        version=orchestrator_version(),
        start=START,
    )
    inputs = sample(30, without=8)
    # Live read them in another order than that of their timestamps: one agent's topic after the others.
    for record in sorted(inputs, key=lambda record: record.topic.endswith("momentum")):
        driver.take(record)
    driver.advance(seconds=400)
    written = []
    for topic in (DECISION_TOPIC, AUDIT_TOPIC):
        for offset, message in enumerate(driver.messages(topic)):
            written.append(LogRecord(topic, 0, offset, START + 400_000, message.key, message.value))
    return inputs + written


def changed(records: list[LogRecord], number: int, change: Change) -> list[LogRecord]:
    """The ``number``-th decision on its topic is another one."""

    def perhaps(record: LogRecord) -> LogRecord:
        if (record.topic, record.offset) != (DECISION_TOPIC, number):
            return record
        decision = json.loads(record.value or b"")
        change(decision)
        return record._replace(value=json.dumps(decision).encode())

    return [perhaps(record) for record in records]


def verify(tmp_path: Path, records: list[LogRecord], *options: str) -> tuple[int, str]:
    file = write(tmp_path / "both.jsonl.zst", (one.record for one in in_order(records)))
    done = orchestrator("replay", file, "--verify-against", DECISION_TOPIC, *options)
    return done.exit_code, done.output


def test_what_live_decided_comes_out_again(both: list[LogRecord], tmp_path: Path) -> None:
    status, output = verify(tmp_path, both, "--json")
    assert status == 0, output
    told = json.loads(output)
    assert (told["equal"], told["different"], told["outside_of_range"]) == (30, 0, 0)
    assert told["live_digest"] == told["replay_digest"]


def test_a_changed_field_is_named(both: list[LogRecord], tmp_path: Path) -> None:
    records = changed(both, 3, lambda decision: decision.update(confidence=0.123))
    status, output = verify(tmp_path, records)
    corr_id = next(
        json.loads(r.value or b"")["corr_id"] for r in both if (r.topic, r.offset) == (DECISION_TOPIC, 3)
    )
    assert status == 1
    assert f"{corr_id}: decided otherwise\n    confidence: live 0.123, replay 0." in output
    assert "30 decisions: 29 equal, 1 different" in output


def test_a_lost_decision_is_named(both: list[LogRecord], tmp_path: Path) -> None:
    lost = [r for r in both if (r.topic, r.offset) != (DECISION_TOPIC, 5)]
    status, output = verify(tmp_path, lost)
    assert status == 1
    assert "an audit record whose decision is not on the topic" in output


def test_what_is_no_decision_is_named_with_its_place(both: list[LogRecord], tmp_path: Path) -> None:
    more = LogRecord(DECISION_TOPIC, 0, 30, START + 500_000, b"req_x", b"\x00")
    status, output = verify(tmp_path, [*both, more])
    assert status == 1
    assert f"req_x: {DECISION_TOPIC}[0]@30 is not what its topic holds" in output


def test_another_version_alone_is_told_and_no_difference(both: list[LogRecord], tmp_path: Path) -> None:
    version = f'"orchestrator_version":"{orchestrator_version()}"'.encode()
    older = [
        r._replace(value=(r.value or b"").replace(version, b'"orchestrator_version":"0.0.1"')) for r in both
    ]
    status, output = verify(tmp_path, older)
    assert status == 0, output
    assert "versions      0.0.1 30" in output


def test_bad_lines_do_not_hinder(both: list[LogRecord], tmp_path: Path) -> None:
    file = write(tmp_path / "both.jsonl", (one.record for one in in_order(both)))
    file.write_bytes(file.read_bytes() + b"{}\n")
    done = orchestrator("replay", file, "--verify-against", DECISION_TOPIC)
    assert done.exit_code == 0, done.output
    assert "bad lines     1" in done.stdout

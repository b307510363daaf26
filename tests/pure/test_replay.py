"""The replay of recordings: the same decisions and one digest, whatever the processes, hash seeds and memory."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from agents.replay.processes import run_shared
from agents.replay.rows import Rows
from agents.replay.runner import STEP_RECORDS, NoSink, Place, Runner
from agents.replay.sinks import DecisionLines
from agents.replay.stop import Stop
from agents.replay.topic_sink import LiveTopicRefused, refuse_live_topics
from orchestration.driver import OrchestratorTestDriver
from orchestration.processor import Effects
from tests.pure.golden_cases import FOLDER
from tests.pure.replaying import PARTITIONS, START, in_order, none_bad, orchestrator, run, sample, task, write

GOLDEN = FOLDER / "recording.jsonl"
GOLDEN_DIGEST = "19ba05ae688ccabff59ab00bc62422e2e4f255ef16f0e411ca3d5b150e663409"


class Collected:
    wants_messages = True

    def __init__(self) -> None:
        self.decisions: list[bytes] = []
        self.topics: set[str] = set()

    def take(self, _place: Place, effects: Effects, /) -> None:
        self.decisions += [outcome.value for outcome in effects.outcomes]
        self.topics.update(message.topic for message in effects.messages)


def test_a_replay_decides_as_the_driver_does() -> None:
    records = sample(60, without=8)
    collected = Collected()
    counts = run(records, collected)
    context = task().rules().context
    driver = OrchestratorTestDriver(
        context.workflows, partition_count=PARTITIONS, version=context.version, start=START
    )
    for record in records:
        driver.take(record)
    driver.advance(seconds=1000)
    assert sorted(collected.decisions) == sorted(outcome.value for outcome in driver.outcomes())
    assert counts.decisions == 60
    assert counts.timed_out == sum(1 for o in driver.outcomes() if o.inputs.completed_by == "deadline") > 0
    assert {"audit.orchestration.decision", "orchestrated.decision"} <= collected.topics


def test_a_deadline_passes_by_event_time_and_not_before_what_is_recorded_up_to_it() -> None:
    """The last signal stands exactly at the deadline; for the other one a millisecond too late."""
    first, second, third, *_ = sample(1)
    at, after = START + 300_000, START + 300_001
    for last, timed_out in ((at, 0), (after, 1)):
        later = [sample(2)[3]._replace(timestamp=after + 5000)]
        counts = run([first, second, third._replace(timestamp=last), *later], NoSink(), drain=False)
        assert (counts.decisions, counts.timed_out, counts.open_at_end) == (1, timed_out, 1)


def test_what_is_open_at_the_end_stays_open_unless_it_is_drained() -> None:
    records = sample(4)[:-1]
    assert run(records, NoSink(), drain=False).open_at_end == 1
    drained = run(records, NoSink())
    assert (drained.open_at_end, drained.timed_out, drained.decisions) == (0, 1, 4)


def test_years_of_quiet_between_signals_cost_nothing() -> None:
    year = 365 * 86_400_000
    records = [
        record._replace(timestamp=record.timestamp + (number // 3) * year)
        for number, record in enumerate(sample(40))
        if number % 3 != 2
    ]
    counts = run(records, NoSink())
    assert (counts.timed_out, counts.decisions) == (40, 40)


@pytest.mark.parametrize("apart_ms", [1, 400])
def test_memory_is_bounded_and_the_rows_on_disk_decide_alike(apart_ms: int) -> None:
    """Open rows and markers alike: a few milliseconds of event time, or many hours."""
    records = sample(1500, apart_ms, without=9)
    plenty, little = Collected(), Collected()
    expected = run(records, plenty)
    limit = 200_000
    bounded = run(records, little, memory_bytes=limit)
    assert little.decisions == plenty.decisions
    assert bounded.digest.text == expected.digest.text
    assert expected.spilled_rows == 0
    assert bounded.spilled_rows > 500
    # Room is made every so many records; what comes in between is the only excess.
    assert bounded.peak_row_bytes < limit + STEP_RECORDS * 8_000
    assert bounded.peak_row_bytes < expected.peak_row_bytes or apart_ms == 400


def test_rows_in_memory_do_not_grow_with_the_length_of_the_recording() -> None:
    """Counted, not measured: after any number of records no more rows are in memory than fit."""
    runner = Runner(task().rules(), NoSink(), memory_bytes=100_000)
    most = 0
    for part in range(6):
        runner.run(in_order(sample(1200)[part * 600 : (part + 1) * 600]))
        runner.rows.make_room()
        most = max(most, sum(len(table.memory) for table in runner.rows._tables.values()))
    assert most <= 100_000 / 1600 + 1
    runner.rows.close()


def test_a_row_is_in_one_place_and_its_end_is_found_there() -> None:
    """A marker that was spilled must not come back after it was deleted."""
    runner = Runner(task().rules(), NoSink(), memory_bytes=1)
    runner.run(in_order(sample(3)))
    runner.rows.make_room()
    table = runner.rows.partition(sample(1)[0].partition)
    corr_id = (sample(1)[0].key or b"").decode()
    assert table.memory == {}
    row = table.get(corr_id)
    assert row is not None
    table.put(corr_id, None)
    assert table.get(corr_id) is None
    assert corr_id not in table.due(2**45)
    runner.rows.close()


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("replay") / "a.jsonl.zst", sample(700, without=10))


def test_the_digest_and_the_lines_are_the_same_with_any_number_of_processes(
    recording: Path, tmp_path: Path
) -> None:
    outputs = []
    results = []
    for processes in (1, 2, 3):
        outputs.append(tmp_path / f"{processes}.jsonl")
        done = orchestrator(
            "replay", recording, "--processes", processes, "--output", outputs[-1], "--drain", "--json"
        )
        assert done.exit_code == 0, done.output
        results.append(json.loads(done.stdout))
        # How much memory was used is the one thing that may differ.
        del results[-1]["peak_row_bytes"]
    assert results[0]["decisions"] == 700
    assert results[1] == results[2] == results[0]
    lines = outputs[0].read_bytes()
    assert lines.count(b"\n") == 700
    assert all(output.read_bytes() == lines for output in outputs)


def test_the_digest_does_not_hang_on_the_hash_seed(recording: Path) -> None:
    digests = set()
    for seed in ("0", "1", "77"):
        done = subprocess.run(
            [sys.executable, "-m", "agents.cli.main", "replay", str(recording), "--json"],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        )
        digests.add(json.loads(done.stdout)["digest"])
    assert len(digests) == 1


def test_the_golden_recording_still_has_its_digest() -> None:
    """Made of the shipped workflows and this release's rules. Another digest: other decisions than those that were released."""
    done = orchestrator("replay", GOLDEN, "--drain", "--json")
    assert done.exit_code == 0, done.output
    summary = json.loads(done.stdout)
    assert summary["digest"] == GOLDEN_DIGEST
    assert summary["late"] == {"after_outcome": 1}
    assert summary["dead_letters"] == {"not_decodable": 1, "validation_error": 1, "wrong_partition": 1}


def test_files_are_replayed_without_kafka_and_faust(recording: Path) -> None:
    code = (
        "import sys; from agents.cli.main import main; main(['replay', sys.argv[1]], standalone_mode=False);"
        "found = {name.split('.')[0] for name in sys.modules} & {'confluent_kafka', 'aiokafka', 'faust', 'mode'};"
        "sys.exit(str(found) if found else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(recording)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_an_interrupt_leaves_whole_decisions_and_says_so(recording: Path, tmp_path: Path) -> None:
    stop = Stop()
    runner = Runner(
        task().rules(),
        output := DecisionLines(tmp_path / "out.jsonl"),
        go_on=lambda records: records < STEP_RECORDS,
    )
    assert runner.run(in_order(sample(700, without=10))) is False
    counts = runner.finish(drain=False)
    output.close()
    lines = (tmp_path / "out.jsonl").read_bytes().splitlines()
    assert counts.records == STEP_RECORDS
    assert len(lines) == counts.decisions > 0
    assert all(json.loads(line)["corr_id"] for line in lines)
    assert not stop.asked


def test_processes_that_are_interrupted_stop_at_the_same_record(recording: Path) -> None:
    stop = Stop()
    stop.asked = True
    result = run_shared(task(recording), 2, None, none_bad, stop, lambda *_: None)
    expected = run(sample(700, without=10)[: result.counts.records], NoSink(), drain=False)
    assert result.complete == (result.counts.records == len(sample(700, without=10)))
    assert result.counts.digest.text == expected.digest.text


@pytest.mark.parametrize("prefix", ["", "dlq."])
def test_live_topics_are_refused_by_name(prefix: str) -> None:
    workflows = task().rules().context.workflows
    with pytest.raises(LiveTopicRefused, match=f"live topic {prefix}[a-z.]+; expected another prefix"):
        refuse_live_topics(prefix, workflows, "at-orchestrator")
    refuse_live_topics("replay.", workflows, "at-orchestrator")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["{file}", "--from", "2026-01-15T10:30:00Z"], "expected without RECORDINGS"),
        (["--from", "yesterday"], "expected RFC 3339 with an offset"),
        (["--offsets", "signals.normalized"], "expected TOPIC:FROM-TO"),
        (["{file}", "--partitions", "5"], "got 5, expected 4, as the recordings say"),
        (["{file}.missing"], "expected a readable file"),
        (["{file}", "--output", "{file}"], "expected another file than the recording"),
        (["{file}", "--output-topics", ""], "never writes to the live topic"),
        (["{file}", "--workflows", "{file}"], "UTF-8"),
        (["{file}", "--verify-against", "audit.decision"], "expected orchestrated.decision"),
        (["{file}", "--verify-against", "orchestrated.decision", "--processes", "2"], "--processes"),
    ],
)
def test_bad_usage_is_named_and_ends_with_status_2(
    arguments: list[str], expected: str, recording: Path
) -> None:
    done = orchestrator("replay", *(argument.replace("{file}", str(recording)) for argument in arguments))
    assert done.exit_code == 2
    assert expected in done.stderr


def test_a_table_without_disk_closes_too() -> None:
    rows = Rows()
    assert rows.partition(3).get("nobody") is None
    rows.close()

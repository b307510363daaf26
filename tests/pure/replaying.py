"""Small recordings and replays for tests."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from agents.cli.main import main
from agents.replay.counts import Counts
from agents.replay.runner import Runner, Sink
from agents.replay.task import Task
from benchmarks.workload import signals
from config.orchestrator_settings import SHIPPED_WORKFLOWS
from config.settings import load_settings
from orchestration.partitioning import partition_of
from orchestration.record import LogRecord
from streams.recordings.order import Placed, placed
from streams.recordings.read import Bad
from streams.recordings.write import RecordingWriter

START = 1_768_473_000_000
PARTITIONS = 4


def sample(correlations: int, apart_ms: int = 10, without: int | None = None) -> list[LogRecord]:
    """Three signals for each corr_id, ``apart_ms`` between two records. Every ``without``-th record is missing."""
    ends: dict[tuple[str, int], int] = {}
    records = []
    # The workload takes its times from the clock; a test's decisions must be the same every day.
    for number, (topic, corr_id, value) in enumerate(signals(correlations, "2026-01-15T10:30:00.000Z")):
        if without is not None and number % without == without - 1:
            continue
        key = corr_id.encode()
        partition = partition_of(key, PARTITIONS)
        offset = ends.get((topic, partition), 0)
        ends[topic, partition] = offset + 1
        records.append(LogRecord(topic, partition, offset, START + number * apart_ms, key, value))
    return records


def write(path: Path, records: Iterable[LogRecord]) -> Path:
    with RecordingWriter(path, PARTITIONS) as writer:
        for record in records:
            writer.write(record)
    return path


def task(*files: Path, **changes: Any) -> Task:
    return Task(load_settings({}), SHIPPED_WORKFLOWS, PARTITIONS, files, **changes)


def in_order(records: Sequence[LogRecord]) -> list[Placed]:
    return sorted(placed(records), key=lambda one: one[:4])


def run(records: Sequence[LogRecord], sink: Sink, *, drain: bool = True, **options: Any) -> Counts:
    """The counts of a replay in this process."""
    runner = Runner(task().rules(), sink, **options)
    runner.run(in_order(records))
    return runner.finish(drain=drain)


def none_bad(bad: Bad) -> None:
    """For recordings without a bad line."""
    raise AssertionError(f"a bad line: {bad}")


def orchestrator(*arguments: object) -> Result:
    """The command line, run in this process."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments])

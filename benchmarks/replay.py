"""`python -m benchmarks.replay`: a replay beside the live worker on the same records, and beside parsing the file alone.

Interleaved rounds, ratios with their spread. ``--memory SIGNALS`` instead replays so many signals once, from a recording that is
made for it, and tells the largest resident memory.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from agents.replay.recorder import record_range
from agents.replay.stop import Stop
from benchmarks.worker_run import run_worker
from benchmarks.workload import AGENTS, preload, signals
from config.orchestrator_settings import SHIPPED_WORKFLOWS
from config.settings import load_settings
from config.workflows.loader import load_workflows
from orchestration.partitioning import partition_of
from orchestration.record import LogRecord
from streams.clients import client_settings
from streams.recordings.ranges import Wanted
from streams.recordings.write import RecordingWriter
from streams.stack.kafka_server import KafkaServer
from streams.topics import ensure_topics, topic_specs

PARTITIONS = 4
WORKER, ONE, TWO, PARSE = "worker, at least once", "replay", "replay --processes 2", "orjson alone"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--signals", type=int, default=180_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--memory", type=int, metavar="SIGNALS")
    arguments = parser.parse_args()
    console = Console()
    with tempfile.TemporaryDirectory(prefix="replay-bench-") as folder:
        file = Path(folder) / "signals.jsonl"
        if arguments.memory:
            _memory(console, file, arguments.memory)
        else:
            _beside_the_worker(console, file, arguments.signals, arguments.runs)


def _memory(console: Console, file: Path, count: int) -> None:
    """All signals within an hour, so that no marker can be forgotten."""
    ends: dict[tuple[str, int], int] = {}
    with RecordingWriter(file, PARTITIONS) as writer:
        for number, (topic, corr_id, value) in enumerate(signals(count // len(AGENTS))):
            key = corr_id.encode()
            partition = partition_of(key, PARTITIONS)
            offset = ends.get((topic, partition), 0)
            ends[topic, partition] = offset + 1
            at = 1_768_473_000_000 + number * 3_000_000 // count
            writer.write(LogRecord(topic, partition, offset, at, key, value))
    console.print(f"{count:,} signals, {file.stat().st_size / 2**20:,.0f} MiB")
    for processes in (1, 2):
        told = _run(file, processes)
        console.print(
            f"  {processes} processes: {count / told['seconds']:,.0f} signals/s, at most {told['peak_mib']:,.0f} MiB resident in one, "
            f"{told['spilled_rows']:,} rows spilled, digest {told['digest'][:16]}"
        )


def _beside_the_worker(console: Console, file: Path, wanted: int, rounds: int) -> None:
    workflows = load_workflows(SHIPPED_WORKFLOWS).workflows
    with KafkaServer() as kafka:
        servers = kafka.bootstrap_servers
        settings = load_settings(
            {"KAFKA_BOOTSTRAP_SERVERS": servers, "ORCHESTRATOR_PARTITIONS": str(PARTITIONS)}
        )
        for number in range(rounds):
            ensure_topics(
                client_settings(settings),
                topic_specs(workflows.agents, workflows.topics, f"bench-replay-{number}"),
                partitions=PARTITIONS,
                replication=1,
                create=True,
            )
        count = preload(servers, wanted // len(AGENTS), PARTITIONS)
        record_range(settings, file, (), False, Wanted(), Stop(), lambda *_: None)
        console.print(f"{count} signals on {PARTITIONS} partitions; {rounds} rounds, each side in turn")
        sides: dict[str, Callable[[int], float]] = {
            WORKER: lambda n: (
                run_worker(servers, f"bench-replay-{n}", count, PARTITIONS, "at_least_once").seconds
            ),
            ONE: lambda _: float(_run(file, 1)["seconds"]),
            TWO: lambda _: float(_run(file, 2)["seconds"]),
            PARSE: lambda _: float(_run(file, 0)["seconds"]),
        }
        seconds: dict[str, list[float]] = {side: [] for side in sides}
        for number in range(rounds):
            for side, run in sides.items():
                seconds[side].append(run(number))
                console.print(f"  round {number + 1}, {side}: {count / seconds[side][-1]:,.0f} signals/s")
    _report(console, seconds, count)


def _run(file: Path, processes: int) -> dict[str, Any]:
    """A process of its own for each run: what one leaves in memory must not slow the next."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.replay_run", str(file), str(processes)],
        capture_output=True,
        text=True,
        check=True,
    )
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def _report(console: Console, seconds: dict[str, list[float]], count: int) -> None:
    table = Table(title="median (lowest to highest)")
    for column in ("side", "signals/s", "to the worker", "to orjson alone", "to one process"):
        table.add_column(column, justify="left" if column == "side" else "right")
    for side, mine in seconds.items():
        ratios = [
            _spread([base / own for base, own in zip(seconds[other], mine, strict=True)], ".2f")
            for other in (WORKER, PARSE, ONE)
        ]
        table.add_row(side, _spread([count / own for own in mine], ",.0f"), *ratios)
    console.print(table)


def _spread(values: list[float], form: str) -> str:
    return f"{statistics.median(values):{form}} ({min(values):{form}} to {max(values):{form}})"


if __name__ == "__main__":
    main()

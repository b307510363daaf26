"""`make bench`: one worker, with transactions and without, beside a plain loop, interleaved; ratios with their spread."""

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Callable

from rich.console import Console
from rich.table import Table

from benchmarks.plain_loop import CORR_ID
from benchmarks.worker_run import Run, run_worker
from benchmarks.workload import AGENTS, preload, signals
from config.orchestrator_settings import SHIPPED_WORKFLOWS
from config.settings import load_settings
from config.workflows.loader import load_workflows
from orchestration.driver import OrchestratorTestDriver
from orchestration.partitioning import partition_of
from orchestration.workflows import Workflows
from streams.clients import client_settings
from streams.stack.kafka_server import KafkaServer
from streams.topics import ensure_topics, topic_specs

PARTITIONS = 4
Templates = list[tuple[str, str, list[tuple[str, str]]]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--signals", type=int, default=180_000)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    console = Console()
    workflows = load_workflows(SHIPPED_WORKFLOWS).workflows
    with KafkaServer() as kafka:
        servers = kafka.bootstrap_servers
        settings = load_settings({"KAFKA_BOOTSTRAP_SERVERS": servers})
        for app_id in _app_ids(arguments.runs):
            ensure_topics(
                client_settings(settings),
                topic_specs(workflows.agents, workflows.topics, app_id),
                partitions=PARTITIONS,
                replication=1,
                create=True,
            )
        count = preload(servers, arguments.signals // len(AGENTS), PARTITIONS)
        console.print(
            f"{count} signals on {PARTITIONS} partitions; {arguments.runs} rounds, each side in turn"
        )
        runs = _rounds(console, servers, count, arguments.runs, _templates(workflows))
    _report(console, runs, count)


def _app_ids(rounds: int) -> list[str]:
    return [f"bench-{guarantee}-{number}" for number in range(rounds) for guarantee in ("eo", "alo")]


def _rounds(
    console: Console, servers: str, count: int, rounds: int, templates: Templates
) -> dict[str, list[Run]]:
    sides: dict[str, Callable[[int], Run]] = {
        "worker, exactly once": lambda n: run_worker(
            servers, f"bench-eo-{n}", count, PARTITIONS, "exactly_once"
        ),
        "worker, at least once": lambda n: run_worker(
            servers, f"bench-alo-{n}", count, PARTITIONS, "at_least_once"
        ),
        "plain aiokafka loop": lambda n: _plain(servers, f"plain-{n}", count, templates),
    }
    runs: dict[str, list[Run]] = {side: [] for side in sides}
    for number in range(rounds):
        for side, run in sides.items():
            runs[side].append(run(number))
            console.print(f"  round {number + 1}, {side}: {count / runs[side][-1].seconds:,.0f} signals/s")
    return runs


def _plain(servers: str, group: str, count: int, templates: Templates) -> Run:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.plain_loop", servers, group, str(count)],
        input=json.dumps(templates),
        capture_output=True,
        text=True,
        check=True,
    )
    result = json.loads(done.stdout)
    return Run(result["seconds"], result["cpu"], 0.0)


def _templates(workflows: Workflows) -> Templates:
    """What one outcome sends, from the orchestrator itself."""
    driver = OrchestratorTestDriver(workflows, partition_count=PARTITIONS)
    for topic, corr_id, value in signals(1):
        key = corr_id.encode()
        driver.pipe(topic, value, key=key, partition=partition_of(key, PARTITIONS))
    assert CORR_ID.decode() == next(iter(signals(1)))[1]
    return [
        (
            message.topic,
            (message.value or b"").decode(),
            [(name, text.decode()) for name, text in message.headers],
        )
        for message in driver.messages()
    ]


def _report(console: Console, runs: dict[str, list[Run]], count: int) -> None:
    table = Table(title="one worker beside a plain loop, median (lowest to highest)")
    for column in ("side", "signals/s", "CPU s per million", "ratio to the plain loop", "MiB"):
        table.add_column(column, justify="left" if column == "side" else "right")
    plain = runs["plain aiokafka loop"]
    for side, mine in runs.items():
        table.add_row(
            side,
            _spread([count / run.seconds for run in mine], ",.0f"),
            _spread([run.cpu / count * 1e6 for run in mine], ".1f"),
            _spread([base.seconds / run.seconds for run, base in zip(mine, plain, strict=True)], ".2f"),
            f"{max(run.memory for run in mine):.0f}" if mine[0].memory else "",
        )
    console.print(table)


def _spread(values: list[float], form: str) -> str:
    return f"{statistics.median(values):{form}} ({min(values):{form}} to {max(values):{form}})"


if __name__ == "__main__":
    main()

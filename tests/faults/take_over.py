"""From kill -9 of one of two workers to the next decision on its partitions, by the decisions' timestamps in the log.

python -m tests.faults.take_over --session 1 --kills 10
"""

import threading
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import NamedTuple, Self

import click
from confluent_kafka import Consumer

from streams.records import log_record
from streams.topics import DECISION_TOPIC
from tests.faults.cluster import PARTITIONS, RECOVERY_SECONDS, Cluster
from tests.faults.cluster_worker import ClusterWorker
from tests.faults.ledger import now_ms
from tests.faults.report import percentile
from tests.real.broker import QUIET
from tests.real.signal_sets import bodies
from tests.real.traffic import Traffic
from tests.real.worker_process import eventually

_BETWEEN_ROUNDS_SECONDS = 0.05
Figures = dict[str, dict[str, float]]
"""For each stage p50, p95 and max."""


class TakeOver(NamedTuple):
    """Milliseconds from the kill: the survivor was told of a rebalance, had the partitions, had restored the last of them,
    and each of them had its next decision. The first three are the survivor's log lines; -1 where it has none."""

    rebalance: float
    assigned: float
    restored: float
    decided: float


class Flow:
    """Complete correlations on every partition, and the times of their decisions, until the block is left."""

    def __init__(self, bootstrap_servers: str) -> None:
        self.decided: list[tuple[int, int]] = []
        self._bootstrap_servers = bootstrap_servers
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=run, daemon=True) for run in (self._send, self._read)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def first_after(self, time_ms: int, partitions: Iterable[int]) -> dict[int, int]:
        """For each partition the smallest timestamp of a decision later than that, where there is one."""
        found: dict[int, int] = {}
        wanted = set(partitions)
        for partition, timestamp in list(self.decided):
            if partition in wanted and timestamp > time_ms:
                found[partition] = min(timestamp, found.get(partition, timestamp))
        return found

    def _send(self) -> None:
        traffic = Traffic(self._bootstrap_servers, PARTITIONS)
        while not self._stopped.wait(_BETWEEN_ROUNDS_SECONDS):
            for partition in range(PARTITIONS):
                traffic.send_all(bodies(traffic.corr_id("flow", partition)))
            traffic.flush()

    def _read(self) -> None:
        consumer = Consumer(
            QUIET
            | {
                "bootstrap.servers": self._bootstrap_servers,
                "group.id": f"take-over-{uuid.uuid4().hex}",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "auto.offset.reset": "earliest",
            }
        )
        consumer.subscribe([DECISION_TOPIC])
        while not self._stopped.is_set():
            for message in consumer.consume(1000, 0.1):
                if message.error() is None:
                    record = log_record(message)
                    self.decided.append((record.partition, record.timestamp))
        consumer.close()


def measure(session_seconds: int, kills: int, guarantee: str = "exactly_once") -> list[TakeOver]:
    """Each worker in turn, on a broker of its own; the other one always has the rest of the partitions."""
    with (
        Cluster(guarantee=guarantee, session_seconds=session_seconds) as cluster,
        Flow(cluster.kafka.bootstrap_servers) as flow,
    ):
        found = []
        for number in range(kills):
            cluster.start()
            began = now_ms()
            assert eventually(
                lambda began=began: len(flow.first_after(began, range(PARTITIONS))) == PARTITIONS,  # type: ignore[misc]
                RECOVERY_SECONDS,
            ), cluster.described()
            found.append(_one(cluster, flow, cluster.workers[number % len(cluster.workers)]))
        return found


def _one(cluster: Cluster, flow: Flow, killed: ClusterWorker) -> TakeOver:
    held = killed.assigned
    (survivor,) = cluster.others(killed)
    began = now_ms()
    killed.kill()
    # A decision that it wrote while it was being killed is none of the survivor's.
    gone = now_ms()
    assert eventually(lambda: len(flow.first_after(gone, held)) == len(held), RECOVERY_SECONDS), (
        cluster.described()
    )
    decided = max(flow.first_after(gone, held).values()) - began
    lines = [(_milliseconds(line) - began, str(line.get("message", ""))) for line in survivor.lines()]
    later = [(at, text) for at, text in lines if at >= 0]
    return TakeOver(
        _at(later, ["Heartbeat failed"]),
        _at(later, [f"partitions {list(range(PARTITIONS))},"]),
        max(_at(later, [f"partition {number} is up"]) for number in held),
        decided,
    )


def _at(lines: Sequence[tuple[float, str]], texts: Iterable[str]) -> float:
    return next((at for at, text in lines if any(wanted in text for wanted in texts)), -1.0)


def _milliseconds(line: Mapping[str, str]) -> float:
    return datetime.fromisoformat(line["timestamp"]).timestamp() * 1000


def described(found: Sequence[TakeOver]) -> Figures:
    """Seconds from the kill, for each stage."""
    figures: Figures = {}
    for stage in TakeOver._fields:
        values = sorted(getattr(one, stage) / 1000 for one in found)
        figures[stage] = {
            "p50": percentile(values, 0.5),
            "p95": percentile(values, 0.95),
            "max": values[-1],
        }
    return figures


@click.command()
@click.option(
    "--session", "sessions", type=int, multiple=True, default=(1, 6), show_default=True, help="Seconds."
)
@click.option("--kills", default=10, show_default=True)
@click.option("--guarantee", type=click.Choice(["exactly_once", "at_least_once"]), default="exactly_once")
def main(sessions: tuple[int, ...], kills: int, guarantee: str) -> None:
    """Kill one of two workers, again and again, and say how long its partitions go without a decision."""
    for session in sessions:
        click.echo(f"session {session} s, {kills} kills, from kill -9 until")
        for stage, figures in described(measure(session, kills, guarantee)).items():
            click.echo(f"  {stage}: " + ", ".join(f"{name} {value:.2f} s" for name, value in figures.items()))


if __name__ == "__main__":
    main()

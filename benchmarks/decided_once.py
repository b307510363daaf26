"""`python -m benchmarks.decided_once`: the same signals and the same kills, for the orchestrator and for the plain Faust fan-in.

Counts, for the correlations of which all three required signals were acknowledged and are valid, how many outcomes a
read_committed reader finds: none, one, or more; and of those decided more than once, how many were not the same byte for byte.
"""

import argparse
import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from confluent_kafka import KafkaException
from confluent_kafka.admin import OffsetSpec
from rich.console import Console
from rich.table import Table

from benchmarks.plain_faust.names import DECISIONS, REQUIRED
from benchmarks.plain_faust.worker import PlainFaustWorker
from streams.stack.kafka_server import KafkaServer
from streams.topics import DECISION_TOPIC
from tests.faults.ledger import Ledger
from tests.faults.progress import unread
from tests.faults.reading import committed_records
from tests.faults.sender import Sender
from tests.faults.workload import Workload
from tests.real.broker import Broker
from tests.real.orchestrator import PARTITIONS, Orchestrator, orchestrator_on
from tests.real.worker_process import Worker

SESSION_SECONDS = 6
TIMEOUT_SECONDS = 8.0
QUIET_PATIENCE_SECONDS = 240.0
_POLL_SECONDS = 0.2


class Job(Protocol):
    """A worker that is killed and started again. ``log``: what it wrote."""

    @property
    def alive(self) -> bool: ...
    @property
    def log(self) -> str: ...
    def start(self) -> object: ...
    def kill(self) -> None: ...


@dataclass(frozen=True)
class Side:
    """``topics``: the inputs that it reads; ``job`` makes its worker for an orchestrator's topics and a folder."""

    name: str
    guarantee: str
    decisions: str
    inputs: Callable[[Orchestrator], tuple[str, ...]]
    job: Callable[[Orchestrator, Path], Job]


@dataclass(frozen=True)
class Counted:
    """Of ``complete`` correlations, how many were decided how often."""

    complete: int
    never: int
    more_than_once: int
    different: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--correlations", type=int, default=1500)
    parser.add_argument("--per-second", type=float, default=25.0, help="correlations opened a second")
    parser.add_argument("--kills", type=int, default=4, help="kill -9 of the one worker, evenly over the run")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="also write the figures there")
    arguments = parser.parse_args()
    console = Console()
    workload = Workload(
        arguments.seed,
        arguments.correlations,
        per_second=arguments.per_second,
        timeout_seconds=TIMEOUT_SECONDS,
        hot_messages=0,
    )
    counted: dict[str, Counted] = {}
    for side in sides():
        with KafkaServer() as kafka, tempfile.TemporaryDirectory() as folder:
            counted[side.name] = run(side, kafka.bootstrap_servers, Path(folder), workload, arguments.kills)
        console.print(f"{side.name}: {counted[side.name]}")
    console.print(table(counted, arguments.kills))
    if arguments.json is not None:
        arguments.json.write_text(json.dumps({name: vars(one) for name, one in counted.items()}, indent=1))


def sides() -> list[Side]:
    def ours(orchestrator: Orchestrator, _: Path) -> Worker:
        return orchestrator.worker("a")

    def plain(guarantee: str) -> Callable[[Orchestrator, Path], PlainFaustWorker]:
        return lambda orchestrator, folder: PlainFaustWorker(
            folder,
            {
                "KAFKA_BOOTSTRAP_SERVERS": orchestrator.broker.bootstrap_servers,
                "PLAIN_APP_ID": orchestrator.app_id,
                "PLAIN_GUARANTEE": guarantee,
                "PLAIN_PARTITIONS": str(PARTITIONS),
                "PLAIN_SESSION_SECONDS": str(SESSION_SECONDS),
            },
        )

    three = tuple(f"signals.enriched.{agent}" for agent in REQUIRED)
    return [
        Side("this orchestrator, exactly once", "exactly_once", DECISION_TOPIC, lambda o: o.inputs, ours),
        Side("this orchestrator, at least once", "at_least_once", DECISION_TOPIC, lambda o: o.inputs, ours),
        Side("plain Faust, exactly_once", "exactly_once", DECISIONS, lambda _: three, plain("exactly_once")),
        Side(
            "plain Faust, at_least_once", "at_least_once", DECISIONS, lambda _: three, plain("at_least_once")
        ),
    ]


def run(side: Side, bootstrap_servers: str, folder: Path, workload: Workload, kills: int) -> Counted:
    environment = {
        "ORCHESTRATOR_GUARANTEE": side.guarantee,
        "ORCHESTRATOR_SESSION_TIMEOUT_SEC": str(SESSION_SECONDS),
        "DECISION_TIMEOUT_SEC": str(TIMEOUT_SECONDS),
    }
    total = sum(1 for _ in workload)
    with (
        Ledger(folder / "ledger.sqlite") as ledger,
        orchestrator_on(bootstrap_servers, folder, **environment) as orchestrator,
    ):
        orchestrator.broker.create(DECISIONS, PARTITIONS)
        job = side.job(orchestrator, folder)
        job.start()
        try:
            sender = Sender(bootstrap_servers, ledger, 10_000.0, PARTITIONS).start(workload)
            for kill in range(1, kills + 1):
                # One that is still starting loses nothing by a kill.
                before = outcomes_so_far(orchestrator.broker, side.decisions)
                while not sender.finished and (
                    sender.sent < total * kill / (kills + 1)
                    or outcomes_so_far(orchestrator.broker, side.decisions) == before
                ):
                    time.sleep(_POLL_SECONDS)
                if sender.finished:
                    raise RuntimeError(f"{side.name}: only {kill - 1} of {kills} kills landed in its work")
                job.kill()
                job.start()
            sender.join()
            if not job.alive:
                raise RuntimeError(f"{side.name} ended by itself; the end of its log:\n{job.log[-3000:]}")
            wait_until_read(orchestrator.broker, orchestrator.app_id, side.inputs(orchestrator))
        finally:
            job.kill()
        return count(ledger, decided(orchestrator.broker, side.decisions))


def outcomes_so_far(broker: Broker, topic: str) -> int:
    """The topic's end offsets, added up."""
    return sum(broker.offsets(broker.places([topic]), OffsetSpec.latest()).values())


def wait_until_read(broker: Broker, group: str, inputs: tuple[str, ...]) -> None:
    """Or until the patience is over: what is missing then counts as never decided."""
    deadline = time.monotonic() + QUIET_PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            if unread(broker, group, inputs) == 0:
                return
        except (KafkaException, TimeoutError):
            pass
        time.sleep(_POLL_SECONDS)


def decided(broker: Broker, topic: str) -> dict[str, list[bytes | None]]:
    """The outcomes that a read_committed reader finds, by corr_id."""
    places = broker.places([topic])
    begins, ends = broker.offsets(places, OffsetSpec.earliest()), broker.offsets(places, OffsetSpec.latest())
    found: dict[str, list[bytes | None]] = defaultdict(list)
    for batch in committed_records(broker.bootstrap_servers, begins, ends):
        for record in batch:
            if record.key is not None:
                found[record.key.decode()].append(record.value)
    return found


_COMPLETE = """
SELECT corr_id FROM message WHERE kind = 'signal' AND result = 'ok' AND agent IN (?, ?, ?)
GROUP BY corr_id HAVING count(DISTINCT agent) = 3
"""


def count(ledger: Ledger, outcomes: dict[str, list[bytes | None]]) -> Counted:
    complete = [corr_id for (corr_id,) in ledger.connection.execute(_COMPLETE, REQUIRED)]
    decided = [outcomes.get(corr_id, []) for corr_id in complete]
    return Counted(
        len(complete),
        sum(not found for found in decided),
        sum(len(found) > 1 for found in decided),
        sum(len(set(found)) > 1 for found in decided),
    )


def table(counted: dict[str, Counted], kills: int) -> Table:
    made = Table(
        "job", "complete correlations", "never decided", "decided more than once", "%", "with different bytes"
    )
    made.title = f"{kills} kill -9 of the one worker"
    for name, one in counted.items():
        share = 100 * one.more_than_once / max(1, one.complete)
        made.add_row(
            name,
            str(one.complete),
            str(one.never),
            str(one.more_than_once),
            f"{share:.1f}",
            str(one.different),
        )
    return made


if __name__ == "__main__":
    main()

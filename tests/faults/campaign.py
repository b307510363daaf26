"""One campaign: a cluster, a stream of signals, a seeded schedule of faults, quiet, and what the judge says of it."""

import heapq
import itertools
import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Literal

import psutil

from config.version import orchestrator_version
from streams.stack.locked_jars import KAFKA_VERSION
from tests.faults.cluster import PARTITIONS, Cluster
from tests.faults.fault import Fault, Missed, Scene
from tests.faults.invariants import INVARIANTS
from tests.faults.judge import judge
from tests.faults.ledger import Ledger
from tests.faults.observed import Topics, observe, use_broker_time
from tests.faults.planned import Planned
from tests.faults.progress import Progress, wait_until_quiet
from tests.faults.report import Json, report
from tests.faults.run_facts import RunFacts
from tests.faults.schedule import schedule
from tests.faults.sender import Sender
from tests.faults.workload import Workload

logger = logging.getLogger(__name__)

_MESSAGES_OF_A_CORRELATION = 6
_CATCHING_UP = 5.0
"""How much faster than planned the sender may be when an outage is over."""
_FURTHER_CORRELATIONS, _FURTHER_IDS = 10_000_000, 100_000_000
_QUIET_PATIENCE_SECONDS = 300.0


@dataclass(frozen=True)
class Plan:
    """What a campaign does; the same plan makes the same faults and messages, at other moments.

    ``faults``: how many of each, by the names of ``schedule``. ``per_second``: correlations opened. ``slack_ms``: how late
    a deadline may be beside downtime. ``lag_limit_ms``: from the end of the last fault to lag 0.
    """

    faults: Mapping[str, int]
    seed: int = 1
    guarantee: str = "exactly_once"
    correlations: int = 3000
    per_second: float = 100.0
    timeout_seconds: float = 8.0
    session_seconds: int = 3
    slack_ms: int = 1000
    lag_limit_ms: int = 30_000
    environment: Mapping[str, str] = field(default_factory=dict)


def run_campaign(plan: Plan, folder: Path) -> Json:
    """Its report. The ledger is ``folder / "ledger.sqlite"``, beside it the workers' logs. Blocks for minutes."""
    environment = {"DECISION_TIMEOUT_SEC": str(plan.timeout_seconds), **plan.environment}
    with (
        Ledger(folder / "ledger.sqlite") as ledger,
        Cluster(
            guarantee=plan.guarantee,
            session_seconds=plan.session_seconds,
            environment=environment,
            folder=folder,
        ) as cluster,
    ):
        facts = RunFacts(
            cluster.app_id,
            PARTITIONS,
            orchestrator_version(),
            plan.seed,
            plan.guarantee,
            plan.timeout_seconds,
            deadline_slack_ms=plan.slack_ms,
            lag_limit_ms=plan.lag_limit_ms,
        )
        facts.note_in(ledger)
        topics = Topics.of(cluster.workflows, cluster.app_id)
        use_broker_time(cluster.broker, topics)
        cluster.start()
        with closing(Progress(cluster.kafka.bootstrap_servers)) as progress:
            sender = Sender(
                cluster.kafka.bootstrap_servers,
                ledger,
                _CATCHING_UP * _MESSAGES_OF_A_CORRELATION * plan.per_second,
                PARTITIONS,
            )
            done = threading.Event()
            sender.start(stream(plan, done))
            scene = Scene(cluster, ledger, sender, progress, Random(f"{plan.seed}-faults"), plan.seed)
            try:
                scene.wait_for_load()
                sample_memory(scene, "before")
                make_all(schedule(plan.faults, plan.seed), scene)
            finally:
                done.set()
            sender.join()
            wait_until_quiet(
                cluster.broker,
                ledger,
                group=cluster.app_id,
                inputs=topics.inputs,
                opened=sender.opened | scene.opened,
                progress=progress,
                timeout_seconds=plan.timeout_seconds,
                patience_seconds=_QUIET_PATIENCE_SECONDS,
            )
            count_lag_from_the_last_fault(ledger)
            sample_memory(scene, "after")
        observe(cluster.broker, ledger, facts)
        return report(ledger, judge(ledger, facts, INVARIANTS), broker=f"Kafka {KAFKA_VERSION}")


def stream(plan: Plan, done: threading.Event) -> Iterator[Planned]:
    """The planned correlations, and then more of their kind until ``done``: each fault needs open ones."""

    def workload(seed: int, correlations: int, hot_messages: int) -> Workload:
        return Workload(
            seed,
            correlations,
            per_second=plan.per_second,
            timeout_seconds=plan.timeout_seconds,
            hot_messages=hot_messages,
        )

    begins = plan.correlations / plan.per_second
    more = (
        message._replace(due=message.due + begins, id=message.id + _FURTHER_IDS)
        for message in workload(plan.seed + 1, _FURTHER_CORRELATIONS, 0)
    )
    return heapq.merge(
        workload(plan.seed, plan.correlations, 1000),
        itertools.takewhile(lambda _: not done.is_set(), more),
        key=lambda message: message.due,
    )


def make_all(faults: Sequence[Fault], scene: Scene) -> None:
    """One after the other, each under load, each recovered from before the next."""
    for number, fault in enumerate(faults, 1):
        made = scene.ledger.fault_began(fault.name)
        try:
            scene.wait_for_load()
            note, landed = fault.strike(scene), True
        except Missed as missed:
            note, landed = str(missed), False
        scene.ledger.fault_ended(made, landed=landed, note=note)
        recover(scene)
        scene.ledger.recovered(made)
        logger.info(
            "%d of %d %s: %s (%s)", number, len(faults), fault.name, "landed" if landed else "MISSED", note
        )


def recover(scene: Scene) -> None:
    """Every worker is up, and what was sent before that is committed."""
    scene.cluster.start()
    ends = scene.cluster.input_ends()
    scene.must(lambda: scene.cluster.has_read_to(ends), "what was sent during the fault is read")


def count_lag_from_the_last_fault(ledger: Ledger) -> None:
    """What was noted counts from the end of the sending, and by then the last fault is recovered from."""
    ledger.connection.execute(
        "UPDATE run SET value = value + (SELECT recovered - ended FROM fault ORDER BY ended DESC LIMIT 1) "
        "WHERE name = 'lag_zero_ms'"
    )
    ledger.connection.commit()


def sample_memory(scene: Scene, phase: Literal["before", "after"]) -> None:
    """Resident memory of every worker."""
    for worker in scene.cluster.workers:
        scene.ledger.memory(worker.name, phase, psutil.Process(worker.pid).memory_info().rss)

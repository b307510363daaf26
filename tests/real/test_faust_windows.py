"""What Faust's own windowed tables lose, and what our worker makes of the same signals (docs/decisions/windows.md).

That something never comes is looked for until a window that ends five expiries later has closed on the same partition: both
Faust and we go through a partition's windows in their order.
"""

import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from confluent_kafka.admin import OffsetSpec

from orchestration.timestamps import format_timestamp
from streams.stack.external import ExternalKafka
from streams.stack.kafka_server import KafkaServer
from streams.topics import DECISION_TOPIC, NORMALIZED_TOPIC
from tests.real.broker import Broker
from tests.real.conftest import MakeOrchestrator
from tests.real.faust_worker import FaustWorker
from tests.real.orchestrator import PARTITIONS, Orchestrator
from tests.real.traffic import Traffic
from tests.real.window_signals import (
    EXPIRES,
    TIMEOUT,
    WINDOW,
    Sent,
    a_window_each,
    due_from_now,
    make,
    names,
    one_window_everywhere,
    send,
)
from tests.real.worker_process import Worker, eventually

NEVER = 5 * EXPIRES
"""Seconds after which what has not come counts as lost."""

# -- Faust alone ------------------------------------------------------------------------------------------------------


@dataclass
class FaustAlone:
    """A topic of its own for each scenario: a window of one would take those of another with it."""

    broker: Broker
    traffic: Traffic
    folder: Path
    topic: str
    running: ExitStack

    def make_changelog(self, app: str) -> None:
        """Compacted only, so that what is lost is not lost for want of the row."""
        self.broker.create(f"{self.topic}-{app}-correlations-changelog", PARTITIONS, cleanup_policy="compact")

    def start(self, app: str, name: str = "a") -> FaustWorker:
        worker = FaustWorker(
            self.broker,
            self.folder,
            self.topic,
            f"{self.topic}-{app}",
            name,
            partitions=PARTITIONS,
            window=WINDOW,
            expires=EXPIRES,
        )
        self.running.callback(worker.kill)
        return worker.start()

    def send(self, *signals: Sent) -> None:
        send(self.traffic, self.topic, *signals)


@contextmanager
def faust_alone(kafka: KafkaServer | ExternalKafka, folder: Path) -> Iterator[FaustAlone]:
    broker = Broker(kafka.bootstrap_servers)
    topic = f"windows-{uuid.uuid4().hex[:8]}"
    broker.create(topic, PARTITIONS)
    with ExitStack() as running:
        yield FaustAlone(broker, Traffic(kafka.bootstrap_servers, PARTITIONS), folder, topic, running)


@pytest.fixture(scope="module")
def faust(
    kafka: KafkaServer | ExternalKafka, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FaustAlone]:
    with faust_alone(kafka, tmp_path_factory.mktemp("faust")) as alone:
        yield alone


@pytest.fixture
def moving(kafka: KafkaServer | ExternalKafka, tmp_path: Path) -> Iterator[FaustAlone]:
    with faust_alone(kafka, tmp_path) as alone:
        yield alone


@pytest.fixture(scope="module")
def steady(faust: FaustAlone) -> FaustWorker:
    """A worker that nothing is done to, with a changelog as Faust makes it."""
    worker = faust.start("steady")
    # On a busy machine the worker that made it was seen to go on for minutes with metadata in which the changelog has
    # no partitions yet, and to lose every signal over that (PartitionsMismatch).
    worker.kill()
    return worker.start()


@pytest.fixture(scope="module")
def hour_ahead(faust: FaustAlone, steady: FaustWorker) -> Sent:
    """Its window stays open until long after the tests."""
    signal = make(faust.traffic, 0, time.time() + 3000)
    faust.send(signal)
    steady.wait_for("collected", [signal.corr_id])
    return signal


def test_faust_closes_a_window_on_the_first_partition_and_drops_it_on_the_others(
    faust: FaustAlone, steady: FaustWorker, hour_ahead: Sent
) -> None:
    same = one_window_everywhere(faust.traffic)
    for partition in range(PARTITIONS):
        faust.send(*(signal for signal in same if signal.partition == partition))
        steady.wait_for("collected", [signal.corr_id for signal in same if signal.partition == partition])
    first, dropped = same[:2], same[2:]
    steady.wait_for("closed", names(first))
    # The other partitions are not broken: windows of their own close there, and these come after the dropped one.
    later = [make(faust.traffic, partition, same[0].start + partition) for partition in range(1, PARTITIONS)]
    faust.send(*later)
    steady.wait_for("closed", names(later))
    assert sorted(steady.told("closed")) == sorted(names(first) + names(later))
    assert set(names(dropped)) <= set(steady.told("collected"))


def test_faust_cannot_write_down_in_a_table_that_a_window_has_closed(
    faust: FaustAlone, steady: FaustWorker
) -> None:
    signal = make(faust.traffic, 0, time.time())
    faust.send(signal)
    steady.wait_for("closed", [signal.corr_id])
    steady.wait_for("not-marked", [signal.corr_id])


def test_faust_never_closes_a_window_that_was_open_when_its_worker_was_killed(
    faust: FaustAlone, steady: FaustWorker
) -> None:
    faust.make_changelog("killed")
    killed = faust.start("killed")
    signals = a_window_each(faust.traffic, 1)
    faust.send(*signals)
    killed.wait_for("collected", names(signals))
    killed.wait_for_commit()
    killed.kill()
    before = set(killed.told("closed"))
    lost = [signal for signal in signals if signal.corr_id not in before]
    killed.start()
    (after_restart,) = due_from_now(lost, 1)
    later = make(faust.traffic, 1, after_restart.start + NEVER)
    faust.send(later)
    killed.wait_for("closed", [later.corr_id])
    # The rows are back in the table, and a worker that was not killed closes their windows.
    assert set(names(lost)) <= set(killed.told("restored"))
    steady.wait_for("closed", names(lost[: lost.index(after_restart) + 1]))
    assert killed.told("closed") == [later.corr_id]


def test_faust_closes_a_window_where_its_partition_was_and_never_where_it_is(moving: FaustAlone) -> None:
    moving.make_changelog("moved")
    old = moving.start("moved", "old")
    signals = a_window_each(moving.traffic, *range(PARTITIONS))
    # The partition that Faust's assignor moves is the first one: taken first, it is first in each sweep too, and none of its
    # windows is dropped for one of another partition, however late the sweep.
    moving.send(signals[0])
    old.wait_for("collected", names(signals[:1]))
    moving.send(*signals[1:])
    old.wait_for("collected", names(signals))
    old.wait_for_commit()
    new = moving.start("moved", "new")
    moved = partition_taken_over(moving, old, new, signals[-1].start + 1)
    (signal,) = due_from_now([signal for signal in signals if signal.partition == moved], 1)
    later = make(moving.traffic, moved, signal.start + NEVER)
    moving.send(later)
    new.wait_for("closed", [later.corr_id])
    assert signal.corr_id in new.told("restored")
    old.wait_for("closed", [signal.corr_id])
    assert new.told("closed") == [later.corr_id]


def partition_taken_over(faust: FaustAlone, old: FaustWorker, new: FaustWorker, start: float) -> int:
    """One that the new worker reads, found by a signal on each; their windows begin with ``start``."""
    probes = [make(faust.traffic, partition, start + partition) for partition in range(PARTITIONS)]
    faust.send(*probes)
    assert eventually(lambda: set(names(probes)) <= {*old.told("collected"), *new.told("collected")})
    return next(probe.partition for probe in probes if probe.corr_id not in old.told("collected"))


def test_fausts_changelog_loses_the_row_of_a_window_that_is_still_open(
    faust: FaustAlone, steady: FaustWorker, hour_ahead: Sent
) -> None:
    assert faust.broker.configuration(steady.changelog)["retention.ms"] == str(int(EXPIRES * 1000))
    place = (steady.changelog, hour_ahead.partition)
    assert eventually(lambda: faust.broker.offsets([place], OffsetSpec.earliest())[place] > 0)
    assert hour_ahead.corr_id not in steady.told("closed")


# -- our worker -------------------------------------------------------------------------------------------------------


@pytest.fixture
def orchestrator(make_orchestrator: MakeOrchestrator) -> Iterator[Orchestrator]:
    """One that takes the senders' timestamps, as it does for recordings."""
    made = make_orchestrator(DECISION_TIMEOUT_SEC=str(TIMEOUT))
    made.broker.configure(NORMALIZED_TOPIC, "message.timestamp.type", "CreateTime")
    yield made
    made.broker.configure(NORMALIZED_TOPIC, "message.timestamp.type", "LogAppendTime")


def wait_until_taken(orchestrator: Orchestrator, signals: Sequence[Sent]) -> None:
    """They are in the state, and the group's offsets say so."""
    places = {(NORMALIZED_TOPIC, signal.partition) for signal in signals}
    ends = orchestrator.broker.offsets(places, OffsetSpec.latest())
    assert eventually(lambda: orchestrator.committed_offsets().items() >= ends.items())


def assert_decided_once(orchestrator: Orchestrator, signals: Sequence[Sent]) -> None:
    """At its deadline, to the millisecond, whenever the worker came to it; waits for the last of them."""
    orchestrator.outputs.wait_for(DECISION_TOPIC, names(signals))
    orchestrator.outputs.drain()
    for signal in signals:
        decision = orchestrator.the_decision(signal.corr_id)
        assert decision["completed_by"] == "deadline"
        assert decision["orchestrated_at"] == format_timestamp(int(signal.closes * 1000))


def test_our_worker_decides_everything_that_is_due_in_one_second_on_every_partition(
    orchestrator: Orchestrator,
) -> None:
    orchestrator.start()
    same = one_window_everywhere(orchestrator.traffic)
    later = [make(orchestrator.traffic, partition, same[0].start + 1) for partition in range(PARTITIONS)]
    send(orchestrator.traffic, NORMALIZED_TOPIC, *same, *later)
    assert_decided_once(orchestrator, [*same, *later])


def test_our_worker_decides_after_a_kill_what_was_open_when_it_was_killed(orchestrator: Orchestrator) -> None:
    worker = orchestrator.start()
    signals = a_window_each(orchestrator.traffic, 1)
    send(orchestrator.traffic, NORMALIZED_TOPIC, *signals)
    wait_until_taken(orchestrator, signals)
    worker.kill()
    worker.start()
    after_restart = due_from_now(signals, 3)
    assert_decided_once(orchestrator, signals[: signals.index(after_restart[-1]) + 1])


def test_our_worker_decides_what_is_due_on_a_partition_that_it_took_over(orchestrator: Orchestrator) -> None:
    orchestrator.start("old")
    signals = a_window_each(orchestrator.traffic, *range(PARTITIONS))
    send(orchestrator.traffic, NORMALIZED_TOPIC, *signals)
    wait_until_taken(orchestrator, signals)
    new = orchestrator.start("new")
    assert eventually(lambda: partitions_of(new) > 0)
    after_take_over = due_from_now(signals, PARTITIONS + 1)
    assert_decided_once(orchestrator, signals[: signals.index(after_take_over[-1]) + 1])


def partitions_of(worker: Worker) -> float:
    _, metrics = worker.get("/metrics")
    return next(
        float(line.split()[1]) for line in metrics.splitlines() if line.startswith("orchestrator_partitions")
    )

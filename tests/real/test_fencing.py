"""A partition's transactional id is the lease on it: whoever takes it ends everything that the former owner had begun."""

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from config.settings import load_settings
from orchestration.message import Message
from streams.clients import writer_settings
from streams.lane.membership_metadata import Membership
from streams.lane.transactional_writer import TransactionalWriter
from streams.lane.writer import Commit, LostPartition
from streams.stack.external import ExternalKafka
from streams.stack.kafka_server import KafkaServer
from tests.real.broker import Broker
from tests.real.outputs import Outputs

ROUNDS = 10
IN_A_COMMIT = 300
NOBODY = Membership("", -1, "", None)


class Partition:
    """A topic and a changelog of one partition, and writers for it."""

    def __init__(self, bootstrap_servers: str) -> None:
        self.name = f"fencing-{uuid.uuid4().hex}"
        self.changelog = f"{self.name}-changelog"
        self.broker = Broker(bootstrap_servers)
        self.broker.create(self.name, 1)
        self.broker.create(self.changelog, 1)
        self._configuration = writer_settings(load_settings({"KAFKA_BOOTSTRAP_SERVERS": bootstrap_servers}))

    def owner(self) -> TransactionalWriter:
        writer = TransactionalWriter(self._configuration, self.name, self.changelog, 10.0, 30.0)
        writer.fence()
        return writer

    def commit_until_lost(self, writer: TransactionalWriter, begun: threading.Event) -> None:
        while True:
            writer.commit(self.commit("round", IN_A_COMMIT))
            begun.set()

    def commit(self, text: str, count: int = 1) -> Commit:
        messages = [Message(self.name, b"key", f"{text}-{n}".encode(), ()) for n in range(count)]
        return Commit(0, messages, [(text.encode(), b"row")], {}, NOBODY)


@pytest.fixture
def partition(kafka: KafkaServer | ExternalKafka) -> Partition:
    return Partition(kafka.bootstrap_servers)


def test_a_former_owner_writes_nothing_any_more_and_is_told_that_it_has_lost_the_partition(
    partition: Partition,
) -> None:
    former = partition.owner()
    former.commit(partition.commit("before"))
    owner = partition.owner()
    with pytest.raises(LostPartition):
        former.commit(partition.commit("too-late"))
    owner.commit(partition.commit("after"))
    former.close()
    owner.close()
    assert written(partition) == [b"before-0", b"after-0"]


def test_an_owner_that_is_fenced_in_mid_commit_has_lost_the_partition_whatever_it_was_doing(
    partition: Partition,
) -> None:
    """The broker says so in many ways, and the client used to say it in one that ended the worker."""
    owner = partition.owner()
    with ThreadPoolExecutor(1) as thread:
        for _ in range(ROUNDS):
            begun = threading.Event()
            losing = thread.submit(partition.commit_until_lost, owner, begun)
            assert begun.wait(60)
            former, owner = owner, partition.owner()
            assert isinstance(losing.exception(60), LostPartition)
            former.close()
    owner.close()
    # Whole commits only: nothing of a torn one can be read.
    assert len(written(partition)) % IN_A_COMMIT == 0


def written(partition: Partition) -> list[bytes | None]:
    outputs = Outputs(partition.broker, [partition.name], from_start=True)
    try:
        outputs.drain()
        return [record.value for record in outputs.of_topic(partition.name)]
    finally:
        outputs.close()

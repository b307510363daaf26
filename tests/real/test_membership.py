"""Commits are bound to the generation of the group under which their records were read: the broker sees to it."""

import uuid
from collections.abc import AsyncIterator
from typing import Any

import aiokafka
import pytest
from confluent_kafka import OFFSET_INVALID, KafkaError, KafkaException, Producer, TopicPartition

from streams.lane.membership_metadata import Membership
from streams.stack.external import ExternalKafka
from streams.stack.kafka_server import KafkaServer
from tests.real.broker import PATIENCE_SECONDS, QUIET, Broker
from tests.real.worker_process import eventually


@pytest.fixture
async def member(kafka: KafkaServer | ExternalKafka) -> AsyncIterator[Membership]:
    """A static member of a group of its own, as the worker's consumer is one."""
    broker = Broker(kafka.bootstrap_servers)
    topic = f"membership-{uuid.uuid4().hex}"
    broker.create(topic, 1)
    consumer = aiokafka.AIOKafkaConsumer(
        topic,
        bootstrap_servers=kafka.bootstrap_servers,
        group_id=topic,
        group_instance_id="worker-1",
        enable_auto_commit=False,
        session_timeout_ms=60_000,
        request_timeout_ms=70_000,
    )
    await consumer.start()
    try:
        coordinator = consumer._coordinator
        while not consumer.assignment():
            await consumer.getmany(timeout_ms=50)
        yield Membership(topic, coordinator.generation, coordinator.member_id, "worker-1")
    finally:
        await consumer.stop()


@pytest.fixture
def producer(kafka: KafkaServer | ExternalKafka) -> Producer:
    made = Producer(
        QUIET
        | {"bootstrap.servers": kafka.bootstrap_servers, "transactional.id": f"fence-{uuid.uuid4().hex}"}
    )
    made.init_transactions(PATIENCE_SECONDS)
    return made


def commit(producer: Producer, membership: Membership, offset: int) -> None:
    producer.begin_transaction()
    try:
        place = TopicPartition(membership.group_id, 0, offset)
        producer.send_offsets_to_transaction([place], membership.metadata(), PATIENCE_SECONDS)
        producer.commit_transaction(PATIENCE_SECONDS)
    except KafkaException:
        producer.abort_transaction(PATIENCE_SECONDS)
        raise


async def test_the_broker_takes_offsets_under_the_members_own_generation(
    member: Membership, producer: Producer, kafka: KafkaServer | ExternalKafka
) -> None:
    commit(producer, member, 7)
    broker = Broker(kafka.bootstrap_servers)
    assert eventually(
        lambda: broker.group_offsets(member.group_id, [(member.group_id, 0)]) == {(member.group_id, 0): 7}
    )


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"generation": 1}, KafkaError.ILLEGAL_GENERATION),
        ({"generation": -1}, KafkaError.ILLEGAL_GENERATION),
        ({"member_id": "somebody-else", "instance_id": None}, KafkaError.UNKNOWN_MEMBER_ID),
        ({"member_id": "somebody-else"}, KafkaError.FENCED_INSTANCE_ID),
    ],
    ids=["a-later-generation", "an-earlier-generation", "another-member", "another-member-of-this-name"],
)
async def test_the_broker_refuses_offsets_under_another_membership(
    member: Membership,
    producer: Producer,
    kafka: KafkaServer | ExternalKafka,
    change: dict[str, Any],
    code: int,
) -> None:
    changed = {
        name: member.generation + value if name == "generation" else value for name, value in change.items()
    }
    with pytest.raises(KafkaException) as refused:
        commit(producer, member._replace(**changed), 7)
    assert refused.value.args[0].code() == code
    found = Broker(kafka.bootstrap_servers).group_offsets(member.group_id, [(member.group_id, 0)])
    assert found == {(member.group_id, 0): OFFSET_INVALID}
    # The same producer is taken with the right one: it was the membership that was refused.
    commit(producer, member, 8)

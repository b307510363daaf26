"""What happens to the changelog while every worker is down: it must be noticed, and nothing be decided without it."""

import uuid
from collections.abc import Mapping

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import OffsetSpec
from typing_extensions import override

from tests.faults.cluster import PARTITIONS, RECOVERY_SECONDS, Cluster
from tests.faults.cluster_worker import REFUSED
from tests.faults.fault import Fault, Missed, Scene
from tests.faults.states import delete_states
from tests.real.broker import QUIET, Place

Rows = Mapping[Place, Mapping[bytes, bytes | None]]
_LARGEST = 9 * 1024 * 1024


class ChangelogEmptied(Fault):
    """Its records are deleted. The worker refuses to start; the operator does what the refusal says: restores the topic."""

    name = "changelog emptied"

    @override
    def strike(self, scene: Scene) -> str:
        cluster = scene.cluster
        for worker in cluster.workers:
            worker.stop()
        rows = backup(cluster)
        self.spoil(cluster)
        refused = []
        for worker in cluster.workers:
            worker.launch()
            status = worker.wait_for_exit(RECOVERY_SECONDS)
            if status != REFUSED or f"{cluster.changelog}[" not in worker.log:
                raise Missed(f"{worker.name} ended with status {status}\n{worker.log[-2000:]}")
            refused.append(worker.name)
        restore(cluster, rows)
        for worker in cluster.workers:
            delete_states(worker)
        return f"{' and '.join(refused)} refused to start; {sum(map(len, rows.values()))} rows restored"

    def spoil(self, cluster: Cluster) -> None:
        cluster.broker.configure(cluster.changelog, "cleanup.policy", "delete")
        cluster.broker.empty([cluster.changelog])
        cluster.broker.configure(cluster.changelog, "cleanup.policy", "compact")


class ChangelogMadeAnew(ChangelogEmptied):
    """The topic is deleted and made again: its offsets begin at 0."""

    name = "changelog made anew"

    @override
    def spoil(self, cluster: Cluster) -> None:
        cluster.broker.delete(cluster.changelog)
        cluster.make_topics()


def backup(cluster: Cluster) -> Rows:
    """The last committed value of each key, per partition."""
    places = [(cluster.changelog, number) for number in range(PARTITIONS)]
    ends = cluster.broker.offsets(places, OffsetSpec.latest())
    rows: dict[Place, dict[bytes, bytes | None]] = {place: {} for place in places}
    consumer = Consumer(
        QUIET
        | {
            "bootstrap.servers": cluster.kafka.bootstrap_servers,
            "group.id": f"backup-{uuid.uuid4().hex}",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
            "fetch.message.max.bytes": _LARGEST,
        }
    )
    try:
        consumer.assign([TopicPartition(*place, 0) for place in places])
        while any(
            place.offset < ends[place.topic, place.partition] for place in _positions(consumer, places)
        ):
            for message in consumer.consume(10_000, 0.1):
                key, topic, partition = message.key(), message.topic(), message.partition()
                if message.error() is None and isinstance(key, bytes) and topic and partition is not None:
                    value = message.value()
                    rows[topic, partition][key] = value if value is None else bytes(value)
    finally:
        consumer.close()
    return rows


def restore(cluster: Cluster, rows: Rows) -> None:
    """Make the topic anew and write them to it: it has to have a beginning, else a worker without a disk refuses it."""
    cluster.broker.delete(cluster.changelog)
    cluster.make_topics()
    producer = Producer(
        QUIET
        | {
            "bootstrap.servers": cluster.kafka.bootstrap_servers,
            "enable.idempotence": True,
            "message.max.bytes": _LARGEST,
            "queue.buffering.max.messages": 10_000_000,
        }
    )
    for (topic, partition), of_partition in rows.items():
        for key, value in of_partition.items():
            if value is not None:
                producer.produce(topic, value, key, partition)
        assert producer.flush(RECOVERY_SECONDS) == 0


def _positions(consumer: Consumer, places: list[Place]) -> list[TopicPartition]:
    found: list[TopicPartition] = consumer.position([TopicPartition(*place) for place in places])
    return found

"""What tests ask of a broker or tell it, with patience: topics that were just made have no leader for a moment."""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from confluent_kafka import ConsumerGroupTopicPartitions, IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    OffsetSpec,
    ResourceType,
)

PATIENCE_SECONDS = 120.0
Place = tuple[str, int]
T = TypeVar("T")

QUIET: dict[str, Any] = {"log_level": 0}
"""For clients of tests: their brokers go away, and librdkafka would say so on standard error for as long as they live."""


class Broker:
    """An admin client. Everything returns when it is done."""

    def __init__(self, bootstrap_servers: str) -> None:
        self.bootstrap_servers = bootstrap_servers
        self.admin = AdminClient(QUIET | {"bootstrap.servers": bootstrap_servers})

    def places(self, topics: Iterable[str]) -> list[Place]:
        """Every partition of these topics, which exist: a broker that has just made one may not list it yet."""
        names = list(topics)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            described = self.admin.list_topics(timeout=PATIENCE_SECONDS).topics
            missing = [name for name in names if name not in described]
            if not missing:
                return [(name, number) for name in names for number in described[name].partitions]
            assert time.monotonic() < deadline, f"not there: {missing}"
            time.sleep(0.05)

    def offsets(
        self,
        places: Iterable[Place],
        spec: OffsetSpec,
        isolation: IsolationLevel = IsolationLevel.READ_COMMITTED,
    ) -> dict[Place, int]:
        """``read_committed`` ends lie before the first open transaction."""
        asked = {TopicPartition(*place): spec for place in places}

        def ask() -> dict[Place, int]:
            answers = self.admin.list_offsets(
                asked, isolation_level=isolation, request_timeout=PATIENCE_SECONDS
            )
            return {
                (place.topic, place.partition): answer.result().offset for place, answer in answers.items()
            }

        return _patiently(ask)

    def empty(self, topics: Iterable[str]) -> None:
        """Delete every record; offsets go on."""
        ends = self.offsets(self.places(topics), OffsetSpec.latest(), IsolationLevel.READ_UNCOMMITTED)
        places = [TopicPartition(*place, offset) for place, offset in ends.items()]

        def delete() -> None:
            for answer in self.admin.delete_records(places, request_timeout=PATIENCE_SECONDS).values():
                answer.result()

        _patiently(delete)

    def create(self, topic: str, partitions: int, **configuration: str) -> None:
        names = {name.replace("_", "."): value for name, value in configuration.items()}
        (made,) = self.admin.create_topics([NewTopic(topic, partitions, 1, config=names)]).values()
        made.result(PATIENCE_SECONDS)

    def delete(self, topic: str) -> None:
        """Returns when it is not there any more, so that it can be made anew."""
        (gone,) = self.admin.delete_topics([topic], operation_timeout=PATIENCE_SECONDS).values()
        gone.result(PATIENCE_SECONDS)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while topic in self.admin.list_topics(timeout=PATIENCE_SECONDS).topics:
            assert time.monotonic() < deadline, f"{topic} is still there"
            time.sleep(0.05)

    def forget_group(self, group: str) -> None:
        """Delete the group with its offsets; its members must have left."""

        def forget() -> None:
            (gone,) = self.admin.delete_consumer_groups([group]).values()
            gone.result(PATIENCE_SECONDS)

        _patiently(forget)

    def group_offsets(self, group: str, places: Iterable[Place]) -> dict[Place, int]:
        """What the group has committed; OFFSET_INVALID where nothing."""
        request = [ConsumerGroupTopicPartitions(group, [TopicPartition(*place) for place in places])]
        (answer,) = self.admin.list_consumer_group_offsets(request).values()
        found = answer.result(PATIENCE_SECONDS).topic_partitions
        return {(place.topic, place.partition): place.offset for place in found}

    def set_group_offset(self, group: str, place: Place, offset: int) -> None:
        """The group must have no members."""
        request = [ConsumerGroupTopicPartitions(group, [TopicPartition(*place, offset)])]

        def commit() -> None:
            (done,) = self.admin.alter_consumer_group_offsets(request).values()
            done.result(PATIENCE_SECONDS)

        _patiently(commit)

    def configure(self, topic: str, name: str, value: str | None) -> None:
        """None: back to the broker's default."""
        operation = AlterConfigOpType.DELETE if value is None else AlterConfigOpType.SET
        entry = ConfigEntry(name, value, incremental_operation=operation)
        resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
        (done,) = self.admin.incremental_alter_configs([resource]).values()
        done.result(PATIENCE_SECONDS)

    def configuration(self, topic: str) -> Mapping[str, str]:
        resource = ConfigResource(ResourceType.TOPIC, topic)
        (described,) = self.admin.describe_configs([resource]).values()
        return {name: entry.value for name, entry in described.result(PATIENCE_SECONDS).items()}


def _patiently(ask: Callable[[], T]) -> T:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return ask()
        except KafkaException:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)

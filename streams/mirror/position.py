"""Up to where a subject is in Kafka. Kept in Kafka itself, each time in the transaction of the records that it speaks of."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import msgspec
from confluent_kafka import Consumer, IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from orchestration.partitioning import partition_of
from streams.clients import MAXIMUM_RECORD_BYTES
from streams.mirror.message import StreamMessage
from streams.records import log_record, offset_of
from streams.topics import TopicSpec

READ_SECONDS = 30.0
REQUEST_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Position:
    """Everything of the subject up to ``sequence`` is in Kafka. ``time``: the latest of these messages, in ns.

    A sequence alone would not do: a stream that was made anew, or lost its end with the server's power, gives the same
    sequences to other messages, and these would be taken for repeats. Their time is later.
    """

    sequence: int = 0
    time: int = 0

    def covers(self, message: StreamMessage) -> bool:
        """Whether it is in Kafka already: a redelivery."""
        return message.sequence <= self.sequence and message.time <= self.time

    def after(self, message: StreamMessage) -> Self:
        return type(self)(message.sequence, max(self.time, message.time))

    def encoded(self) -> bytes:
        return msgspec.json.encode({"sequence": self.sequence, "time": self.time})

    @classmethod
    def decoded(cls, value: bytes) -> Self:
        found = msgspec.json.decode(value)
        return cls(found["sequence"], found["time"])


def positions_topic(app_id: str) -> str:
    return f"{app_id}-mirror-positions"


def positions_spec(app_id: str) -> TopicSpec:
    # The partition count decides where a subject's position is looked for.
    return TopicSpec(positions_topic(app_id), "compact", 0, MAXIMUM_RECORD_BYTES, partitions_matter=True)


def position_key(stream: str, subject: str) -> bytes:
    return f"{stream}/{subject}".encode()


def home_of(key: bytes, partitions: int) -> int:
    """The partition of the positions topic that holds a key, and whose owner reads its subject."""
    return partition_of(key, partitions)


def read_position(
    configuration: Mapping[str, Any], topic: str, partition: int, key: bytes, cancelled: Callable[[], bool]
) -> Position:
    """The last committed one, of a partition whose earlier writer has been fenced. Raises KafkaException."""
    end = _end(configuration, topic, partition)
    consumer = Consumer(dict(configuration) | {"enable.partition.eof": True, "auto.offset.reset": "earliest"})
    found = Position()
    deadline = time.monotonic() + READ_SECONDS
    try:
        consumer.assign([TopicPartition(topic, partition, 0)])
        reached = 0
        while reached < end and not cancelled():
            if time.monotonic() > deadline:
                raise KafkaException(
                    KafkaError(KafkaError._TIMED_OUT, f"{topic}[{partition}] could not be read")
                )
            message = consumer.poll(0.1)
            if message is None:
                continue
            error = message.error()
            if error is None:
                record = log_record(message)
                reached = record.offset + 1
                if record.key == key and record.value is not None:
                    found = Position.decoded(record.value)
            elif error.code() == KafkaError._PARTITION_EOF:
                # Behind this place another subject's transaction may be open: it ends, and ours may lie behind it.
                reached = offset_of(message)
            elif error.fatal():
                raise KafkaException(error)
    finally:
        consumer.close()
    return found


def _end(configuration: Mapping[str, Any], topic: str, partition: int) -> int:
    # Not the consumer's own question: at read_committed it would be told where the first open transaction begins.
    wanted = ("bootstrap.servers", "security.", "sasl.", "ssl.", "logger")
    admin = AdminClient({name: value for name, value in configuration.items() if name.startswith(wanted)})
    place = TopicPartition(topic, partition)
    (answer,) = admin.list_offsets(
        {place: OffsetSpec.latest()},
        isolation_level=IsolationLevel.READ_UNCOMMITTED,
        request_timeout=REQUEST_SECONDS,
    ).values()
    end: int = answer.result().offset
    return end

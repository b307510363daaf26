"""What comes out: a reader of committed records that knows when it has seen everything.

Nothing here sleeps to be sure: what has to come is awaited, and what must not come is looked for up to end offsets that
are asked for after a later correlation was decided (``Orchestrator.settle``).
"""

import json
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import OffsetSpec

from orchestration.record import LogRecord
from streams.records import log_record, offset_of, place_of
from tests.real.broker import PATIENCE_SECONDS, QUIET, Broker, Place

_LARGEST = 9 * 1024 * 1024


class Outputs:
    """Everything that a read_committed reader sees in these topics, from the ends that they have when this is made.

    ``from_start``: from their beginnings instead.
    """

    def __init__(self, broker: Broker, topics: Iterable[str], *, from_start: bool = False) -> None:
        self._broker = broker
        self._messages: dict[str, dict[bytes | None, list[LogRecord]]] = defaultdict(
            lambda: defaultdict(list)
        )
        self._places = broker.places(topics)
        self._reached = broker.offsets(
            self._places, OffsetSpec.earliest() if from_start else OffsetSpec.latest()
        )
        self._consumer = Consumer(
            QUIET
            | {
                "bootstrap.servers": broker.bootstrap_servers,
                "group.id": f"outputs-{uuid.uuid4().hex}",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "enable.partition.eof": True,
                "auto.offset.reset": "error",
                "fetch.wait.max.ms": 100,
                "fetch.message.max.bytes": _LARGEST,
                "receive.message.max.bytes": 256 * 1024 * 1024,
            }
        )
        self._consumer.assign([TopicPartition(*place, offset) for place, offset in self._reached.items()])

    def of(self, topic: str, corr_id: str) -> list[LogRecord]:
        """What has been read so far with this corr_id as its key, in the order of the log."""
        return list(self._messages[topic][corr_id.encode()])

    def of_topic(self, topic: str) -> list[LogRecord]:
        """What has been read so far, key by key."""
        return [message for messages in self._messages[topic].values() for message in messages]

    def everything_of(self, corr_id: str) -> dict[str, list[LogRecord]]:
        """What has been read so far of this corr_id, by topic, where there is anything."""
        return {topic: found for topic in list(self._messages) if (found := self.of(topic, corr_id))}

    def wait_for(
        self, topic: str, corr_ids: Iterable[str], count: int = 1, seconds: float = PATIENCE_SECONDS
    ) -> dict[str, list[LogRecord]]:
        """At least ``count`` messages of each corr_id."""
        wanted = list(corr_ids)

        def missing() -> list[str]:
            return [corr_id for corr_id in wanted if len(self.of(topic, corr_id)) < count]

        self.read_until(lambda: not missing(), seconds)
        assert not missing(), f"{topic}: after {seconds:g} s less than {count} of {missing()[:10]}"
        return {corr_id: self.of(topic, corr_id) for corr_id in wanted}

    def drain(self) -> None:
        """Read up to the ends that the topics have now; an open transaction hides what comes after its beginning."""
        ends = self._broker.offsets(self._places, OffsetSpec.latest())

        def behind() -> list[Place]:
            return [place for place, end in ends.items() if self._reached[place] < end]

        self.read_until(lambda: not behind())
        assert not behind()

    def read_until(self, enough: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> None:
        deadline = time.monotonic() + seconds
        while not enough() and time.monotonic() < deadline:
            for message in self._consumer.consume(1000, 0.05):
                self._take(message)

    def close(self) -> None:
        self._consumer.close()

    def _take(self, message: Message) -> None:
        error = message.error()
        place = place_of(message)
        if error is None:
            record = log_record(message)
            self._messages[record.topic][record.key].append(record)
            self._reached[place] = max(self._reached[place], record.offset + 1)
        elif error.code() == KafkaError._PARTITION_EOF:
            # Behind the last record stand the markers of transactions, which are never handed out.
            self._reached[place] = max(self._reached[place], offset_of(message))
        elif not error.retriable():
            raise KafkaException(error)


def read_back(broker: Broker, topics: Iterable[str]) -> list[LogRecord]:
    """What is in these topics now, as the broker has it, in the order (timestamp, topic, offset)."""
    names = list(topics)
    reader = Outputs(broker, names, from_start=True)
    try:
        reader.drain()
        records = [record for topic in names for record in reader.of_topic(topic)]
    finally:
        reader.close()
    return sorted(records, key=lambda record: (record.timestamp, record.topic, record.offset))


def headers_of(record: LogRecord) -> dict[str, str]:
    return {name: value.decode() for name, value in record.headers}


def decoded(record: LogRecord) -> Any:
    """The JSON value of a record that has one."""
    assert record.value is not None
    return json.loads(record.value)

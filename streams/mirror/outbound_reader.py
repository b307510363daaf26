"""The Kafka side of the way out: a member of the group that shares the output topics' partitions."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from orchestration.record import LogRecord
from streams.mirror.kafka_writer import KafkaUnavailable
from streams.records import log_record

logger = logging.getLogger(__name__)

BATCH = 4000
"""Large, since of each corr_id one message is on its way: the more corr_ids, the less a round trip is waited for."""
POLL_SECONDS = 0.2
GATHER_SECONDS = 0.02
LAG_SECONDS = 2.0
REQUEST_SECONDS = 10.0
Place = tuple[str, int]


class OutboundReader:
    """All calls go to one thread of its own, in which the group's callbacks run too."""

    def __init__(self, configuration: Mapping[str, Any], topics: Sequence[str]) -> None:
        self._topics = list(topics)
        self._consumer = Consumer(dict(configuration))
        self._thread = ThreadPoolExecutor(1, "mirror-out")
        self._owned: set[Place] = set()
        self._to_commit: dict[Place, int] = {}
        self._lag_at = 0.0
        self.lag: dict[str, int] = {}
        """Records of each topic's owned partitions that are not taken yet, as of some seconds ago."""

    async def start(self) -> None:
        await self._do(self._subscribe)

    async def take(self) -> list[LogRecord]:
        """Committed records in the order of their partitions; waits a moment for the first. Raises KafkaUnavailable."""
        records: list[LogRecord] = await self._do(self._take)
        return records

    def owns(self, record: LogRecord) -> bool:
        """False once the partition was given to another mirror, which reads it from the committed offset."""
        return (record.topic, record.partition) in self._owned

    def commit(self, records: Sequence[LogRecord]) -> None:
        """These and all before them need not be read again. Done with the next ``take``: what is read again has the same ids."""
        offsets = {(record.topic, record.partition): record.offset + 1 for record in records}
        # A new mapping: the other thread may be walking through this one.
        self._to_commit = {**self._to_commit, **offsets}

    async def stop(self) -> None:
        """Leaves the group, so that another mirror takes over at once."""
        await self._do(lambda: self._commit(wait=True))
        await self._do(self._consumer.close)
        self._thread.shutdown(wait=False)

    async def _do(self, work: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _subscribe(self) -> None:
        self._consumer.subscribe(
            self._topics,
            on_assign=self._assigned,
            on_revoke=self._revoked,
            on_lost=self._revoked,
        )

    def _take(self) -> list[LogRecord]:
        self._commit()
        # consume() alone would sit out its whole time-out whenever fewer than a full batch are there; without any it
        # hands over what it has at hand, a few records, and each of these batches waits for its acknowledgements.
        first = self._consumer.poll(POLL_SECONDS)
        messages = [] if first is None else [first, *self._consumer.consume(BATCH - 1, GATHER_SECONDS)]
        self._measure()
        records = []
        for message in messages:
            error = message.error()
            if error is None:
                records.append(log_record(message))
            elif error.fatal():
                raise KafkaUnavailable(error.str())
            elif error.code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                # A topic that is not there yet is found when it is made.
                logger.warning("reading for NATS: %s", error.str())
        return records

    def _commit(self, *, wait: bool = False) -> None:
        offsets, self._to_commit = self._to_commit, {}
        places = [TopicPartition(*place, offset) for place, offset in offsets.items() if place in self._owned]
        if not places:
            return
        try:
            if wait:
                self._consumer.commit(offsets=places, asynchronous=False)
            else:
                self._consumer.commit(offsets=places, asynchronous=True)
        except KafkaException as problem:
            logger.warning("what is in NATS could not be noted in Kafka: %s", problem.args[0].str())

    def _assigned(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        consumer.incremental_assign(places)
        self._owned |= {(place.topic, place.partition) for place in places}

    def _revoked(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        consumer.incremental_unassign(places)
        self._owned -= {(place.topic, place.partition) for place in places}

    def _measure(self) -> None:
        now = time.monotonic()
        if now - self._lag_at < LAG_SECONDS:
            return
        self._lag_at = now
        lag: dict[str, int] = dict.fromkeys((topic for topic, _ in self._owned), 0)
        places = [TopicPartition(*place) for place in self._owned]
        try:
            for place in self._consumer.position(places) if places else []:
                _, high = self._consumer.get_watermark_offsets(place, cached=True)
                if place.offset >= 0 and high >= 0:
                    lag[place.topic] += max(0, high - place.offset)
        except KafkaException:
            return
        self.lag = lag

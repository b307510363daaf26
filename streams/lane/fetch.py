"""Fetching: one librdkafka consumer in a thread of its own, for all partitions that this worker has brought up.

Group membership is Faust's (``membership.py``); this consumer belongs to no group, it reads what it is told to, from the
offset that it is told. A partition's records go to the lane object that asked for them, so records of an
earlier assignment can never reach a later one.
"""

import asyncio
import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from queue import SimpleQueue
from typing import Any, Protocol

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from orchestration.record import LogRecord
from streams.records import log_record, offset_of, place_of

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.05
BATCH_RECORDS = 4000
PAUSE_AT_RECORDS = 20_000
RESUME_AT_RECORDS = 5_000


class Reader(Protocol):
    """Who reads a partition."""

    partition: int

    def deliver(self, topic: str, records: list[LogRecord], read_to: int, at_end: bool) -> None:
        """Records in log order; ``read_to`` is the offset that comes next; ``at_end``: nothing more is known there."""
        ...

    def waiting(self, topic: str) -> int:
        """How many delivered records of a topic have not been taken yet."""
        ...

    def fetch_failed(self, topic: str, error: KafkaError) -> None:
        """The position is not in the log any more, or the topic may not be read."""
        ...


class FetchClient:
    """``loop`` is the event loop on which readers are called; everything else may be called from anywhere."""

    def __init__(self, configuration: Mapping[str, Any], loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._configuration = dict(configuration)
        self._commands: SimpleQueue[Callable[[Consumer], None]] = SimpleQueue()
        self._readers: dict[tuple[str, int], Reader] = {}
        self._paused: set[tuple[str, int]] = set()
        self._stopping = threading.Event()
        self._undelivered = threading.Semaphore(2)
        self._thread = threading.Thread(target=self._run, name="lane-fetch", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Blocks until the thread has closed its consumer; at most a few seconds."""
        self._stopping.set()
        self._undelivered.release()
        self._thread.join(timeout=10)

    def read(self, reader: Reader, positions: Mapping[str, int]) -> None:
        """Begin to read a partition's topics at these offsets."""

        def command(consumer: Consumer) -> None:
            for topic in positions:
                self._readers[topic, reader.partition] = reader
            consumer.incremental_assign(
                [TopicPartition(topic, reader.partition, offset) for topic, offset in positions.items()]
            )

        self._commands.put(command)

    def forget(self, reader: Reader) -> None:
        """Read a partition no longer. Nothing is delivered to this reader after the thread has come to it."""

        def command(consumer: Consumer) -> None:
            mine = [place for place, other in self._readers.items() if other is reader]
            for place in mine:
                del self._readers[place]
                self._paused.discard(place)
            consumer.incremental_unassign([TopicPartition(*place) for place in mine])

        self._commands.put(command)

    def _run(self) -> None:
        consumer = Consumer(self._configuration)
        try:
            while not self._stopping.is_set():
                while not self._commands.empty():
                    self._carry_out(self._commands.get(), consumer)
                self._resume_what_was_taken(consumer)
                first = consumer.poll(POLL_SECONDS)
                if first is None:
                    continue
                messages = [first, *consumer.consume(BATCH_RECORDS, 0)]
                deliveries = self._sorted(consumer, messages)
                # At most two batches wait for the event loop: what it cannot take stays in librdkafka's bounded queue.
                self._undelivered.acquire()
                if not self._stopping.is_set():
                    self._loop.call_soon_threadsafe(self._deliver, deliveries)
        finally:
            consumer.close()

    def _carry_out(self, command: Callable[[Consumer], None], consumer: Consumer) -> None:
        try:
            command(consumer)
        except KafkaException:
            logger.exception("the fetch client refused a change of its assignment")

    def _sorted(self, consumer: Consumer, messages: list[Message]) -> list[Callable[[], None]]:
        records: dict[tuple[str, int], list[LogRecord]] = defaultdict(list)
        ends: dict[tuple[str, int], int] = {}
        deliveries: list[Callable[[], None]] = []
        for message in messages:
            error = message.error()
            if error is None:
                record = log_record(message)
                records[record.topic, record.partition].append(record)
            elif error.code() == KafkaError._PARTITION_EOF:
                ends[place_of(message)] = offset_of(message)
            else:
                self._failed(message, error, deliveries)
        for place in records.keys() | ends.keys():
            reader = self._readers.get(place)
            if reader is not None:
                deliveries.append(
                    self._delivery(consumer, reader, place, records.get(place, []), ends.get(place))
                )
        return deliveries

    def _delivery(
        self,
        consumer: Consumer,
        reader: Reader,
        place: tuple[str, int],
        batch: list[LogRecord],
        end: int | None,
    ) -> Callable[[], None]:
        topic = place[0]
        after = batch[-1].offset + 1 if batch else 0
        if end is not None and end >= after:
            return lambda: reader.deliver(topic, batch, end, True)
        # The end that the last fetch told, without asking: no need to wait for the end-of-partition event.
        _, high = consumer.get_watermark_offsets(TopicPartition(*place), cached=True)
        if reader.waiting(topic) + len(batch) > PAUSE_AT_RECORDS and place not in self._paused:
            consumer.pause([TopicPartition(*place)])
            self._paused.add(place)
        return lambda: reader.deliver(topic, batch, after, after >= high)

    def _failed(self, message: Message, error: KafkaError, deliveries: list[Callable[[], None]]) -> None:
        topic, partition = place_of(message)
        reader = self._readers.get((topic, partition))
        if reader is None or error.retriable():
            logger.warning("fetching: %s", error.str())
            return
        deliveries.append(lambda: reader.fetch_failed(topic, error))

    def _resume_what_was_taken(self, consumer: Consumer) -> None:
        if not self._paused:
            return
        ready = [
            place
            for place in self._paused
            if place in self._readers and self._readers[place].waiting(place[0]) < RESUME_AT_RECORDS
        ]
        if ready:
            self._paused.difference_update(ready)
            consumer.resume([TopicPartition(*place) for place in ready])

    def _deliver(self, deliveries: list[Callable[[], None]]) -> None:
        self._undelivered.release()
        for deliver in deliveries:
            deliver()

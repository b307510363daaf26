"""Reading a range of Kafka topics: assigned, never committed, up to the ends that were captured at the start."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from confluent_kafka import Consumer, KafkaError, TopicPartition

from orchestration.record import LogRecord
from streams.recordings.merge import Merged
from streams.recordings.order import Placed, placed
from streams.recordings.ranges import Span
from streams.recordings.read import RecordingError
from streams.records import log_record, offset_of, place_of

BATCH_RECORDS = 2000
WAIT_SECONDS = 0.05
PAUSE_AT_RECORDS = 4000
RESUME_AT_RECORDS = 500
PATIENCE_SECONDS = 60.0
_QUEUED_KIB = 64 * 1024

Place = tuple[str, int]


class KafkaRange:
    """``spans`` as ``kafka_ends.capture`` found them; ``configuration`` that of a consumer."""

    repeated = 0

    def __init__(self, configuration: Mapping[str, Any], spans: Sequence[Span]) -> None:
        self._spans = {(span.topic, span.partition): span for span in spans if span.end > span.begin}
        self._total = sum(span.end - span.begin for span in self._spans.values())
        self._waiting: dict[Place, deque[LogRecord]] = {place: deque() for place in self._spans}
        self._position = {place: span.begin for place, span in self._spans.items()}
        self._paused: set[Place] = set()
        self._consumer = Consumer(
            dict(configuration) | {"queued.max.messages.kbytes": _QUEUED_KIB, "enable.partition.eof": True}
        )
        self._consumer.assign([TopicPartition(*place, span.begin) for place, span in self._spans.items()])

    def records(self) -> Iterator[Placed]:
        """Once, in the order of replay. Raises RecordingError where a record of the range cannot be had."""
        return iter(Merged([placed(self._of(place)) for place in self._spans]) if self._spans else ())

    def done(self) -> float:
        """How much has been read, 0 to 1."""
        read = sum(self._position[place] - span.begin for place, span in self._spans.items())
        return read / self._total if self._total else 1.0

    def close(self) -> None:
        self._consumer.close()

    def _of(self, place: Place) -> Iterator[LogRecord]:
        waiting = self._waiting[place]
        while True:
            while waiting:
                yield waiting.popleft()
            if self._position[place] >= self._spans[place].end:
                return
            self._fetch_for(place)

    def _fetch_for(self, place: Place) -> None:
        """Fetch until this place has a record, or has been read to its end."""
        waited = 0.0
        self._resume_what_was_taken()
        while not self._waiting[place] and self._position[place] < self._spans[place].end:
            messages = self._consumer.consume(BATCH_RECORDS, WAIT_SECONDS)
            waited = 0.0 if messages else waited + WAIT_SECONDS
            if waited > PATIENCE_SECONDS:
                raise RecordingError(
                    f"{place[0]}[{place[1]}]: offset {self._position[place]} did not arrive in {PATIENCE_SECONDS:g} s"
                )
            for message in messages:
                error = message.error()
                if error is None:
                    self._take(log_record(message))
                elif error.code() == KafkaError._PARTITION_EOF:
                    # Behind the last record may stand the markers of transactions, which nobody is given.
                    self._reached(place_of(message), offset_of(message))
                elif not error.retriable() and error.code() not in _PASSING:
                    raise _failed(message.topic(), error)
            self._pause_what_waits()

    def _take(self, record: LogRecord) -> None:
        place = (record.topic, record.partition)
        span = self._spans[place]
        if record.offset < span.end:
            self._waiting[place].append(record)
        self._reached(place, record.offset + 1)

    def _reached(self, place: Place, offset: int) -> None:
        self._position[place] = max(self._position[place], min(offset, self._spans[place].end))

    def _pause_what_waits(self) -> None:
        full = [
            place
            for place, waiting in self._waiting.items()
            if place not in self._paused
            and (len(waiting) > PAUSE_AT_RECORDS or self._position[place] >= self._spans[place].end)
        ]
        if full:
            self._consumer.pause([TopicPartition(*place) for place in full])
            self._paused.update(full)

    def _resume_what_was_taken(self) -> None:
        ready = [
            place
            for place in self._paused
            if len(self._waiting[place]) < RESUME_AT_RECORDS
            and self._position[place] < self._spans[place].end
        ]
        if ready:
            self._consumer.resume([TopicPartition(*place) for place in ready])
            self._paused.difference_update(ready)


_PASSING = {KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN, KafkaError._RESOLVE, KafkaError._TIMED_OUT}


def _failed(topic: str | None, error: KafkaError) -> RecordingError:
    return RecordingError(f"{topic}: the range cannot be read: {error.str()}")

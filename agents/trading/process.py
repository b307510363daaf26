"""A trading agent as a process of its own: reads the signals from Kafka, publishes its analyses."""

import time
from collections.abc import Callable
from threading import Event

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from agents.trading.agent import TradingAgent
from agents.trading.answers import Answer, Answers
from config.kafka_settings import KafkaSettings
from orchestration.record import LogRecord
from streams.clients import consumer_settings, producer_settings
from streams.records import received
from streams.topics import NORMALIZED_TOPIC

HISTORY_RECORDS = 1000
"""Read again at each start, per partition: bars and positions live in memory only."""
ANSWERED_FOR_MS = 300_000
"""An older signal is history: its orders would be stale whatever is said about it."""
BATCH = 500
COMMIT_SECONDS = 1.0
REQUEST_SECONDS = 60.0
"""A broker that has just started makes its offsets topic at the first question about a group."""

log = structlog.get_logger(__name__)


class AgentProcess:
    """Answers each signal at least once; all partitions in one process, since an instrument's bars lie on all of them."""

    def __init__(self, agent: TradingAgent, settings: KafkaSettings) -> None:
        self._agent = agent
        self._answers = Answers(agent)
        self._consumer = Consumer(
            consumer_settings(settings, f"trading-agent-{agent.name}") | {"enable.partition.eof": False}
        )
        self._producer = Producer(producer_settings(settings))
        self._answered: dict[tuple[str, int], int] = {}
        self._next: dict[tuple[str, int], int] = {}
        self._undelivered: KafkaError | None = None

    def run(self, stop: Event, ready: Callable[[], None] = lambda: None) -> None:
        """Until ``stop`` is set. ``ready`` is called once, when no signal written from then on can be missed.

        Raises KafkaException when an answer could not be delivered for good; a restart answers it again.
        """
        try:
            if self._started(stop):
                ready()
                self._loop(stop)
        finally:
            self._consumer.close()

    def _loop(self, stop: Event) -> None:
        committed_at = time.monotonic()
        while not stop.is_set():
            # consume() alone would sit out its whole time-out whenever fewer than a full batch are there.
            first = self._consumer.poll(0.2)
            if first is not None:
                self._take(received([first, *self._consumer.consume(BATCH - 1, 0)]))
            self._producer.poll(0)
            if time.monotonic() - committed_at >= COMMIT_SECONDS:
                self._commit()
                committed_at = time.monotonic()
        self._commit()

    def _started(self, stop: Event) -> bool:
        """A topic that was made a moment ago may have no leader yet: asked again, for as long as a request may take."""
        deadline = time.monotonic() + REQUEST_SECONDS
        while True:
            try:
                return self._start_reading(stop)
            except KafkaException as exception:
                if time.monotonic() > deadline:
                    raise
                log.warning("not_reading_yet", agent=self._agent.name, reason=str(exception.args[0]))
                stop.wait(0.5)

    def _start_reading(self, stop: Event) -> bool:
        partitions = self._partitions(stop)
        starts = []
        for committed in self._consumer.committed(partitions, timeout=REQUEST_SECONDS) if partitions else []:
            low, high = self._consumer.get_watermark_offsets(committed, timeout=REQUEST_SECONDS)
            place = (committed.topic, committed.partition)
            self._answered[place] = max(committed.offset, 0)
            starts.append(TopicPartition(*place, max(low, high - HISTORY_RECORDS)))
        self._consumer.assign(starts)
        return bool(starts)

    def _partitions(self, stop: Event) -> list[TopicPartition]:
        """Of all followed topics, once they are all there: whoever starts first must not fail."""
        topics = (NORMALIZED_TOPIC, *self._agent.follows)
        while not stop.is_set():
            known = self._consumer.list_topics(timeout=REQUEST_SECONDS).topics
            missing = [topic for topic in topics if topic not in known or not known[topic].partitions]
            if not missing:
                return [
                    TopicPartition(topic, number) for topic in topics for number in known[topic].partitions
                ]
            log.warning("waiting_for_topics", agent=self._agent.name, topics=missing)
            stop.wait(1.0)
        return []

    def _take(self, records: list[LogRecord]) -> None:
        for record in sorted(records, key=lambda record: record.timestamp):
            place = (record.topic, record.partition)
            answer = self._answers.take(record.topic, record.value)
            answered_before = record.offset < self._answered.get(place, 0)
            too_old = record.timestamp < time.time() * 1000 - ANSWERED_FOR_MS
            if answer is not None and not answered_before and not too_old:
                self._publish(answer, record)
            self._next[place] = max(record.offset + 1, self._next.get(place, 0))

    def _publish(self, answer: Answer, signal: LogRecord) -> None:
        headers: list[tuple[str, str | bytes | None]] = [
            (name, value) for name, value in signal.headers if name == "traceparent"
        ]
        while True:
            try:
                self._producer.produce(
                    answer.topic, answer.value, answer.key, headers=headers, on_delivery=self._delivered
                )
                return
            except BufferError:
                self._producer.poll(0.1)

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        self._undelivered = self._undelivered or error

    def _commit(self) -> None:
        """Offsets only after the answers to what lies before them are in Kafka."""
        left = self._producer.flush(REQUEST_SECONDS)
        if self._undelivered is not None:
            raise KafkaException(self._undelivered)
        if left == 0 and self._next:
            offsets = [
                TopicPartition(topic, number, max(offset, self._answered.get((topic, number), 0)))
                for (topic, number), offset in self._next.items()
            ]
            self._consumer.commit(offsets=offsets, asynchronous=True)
            self._next.clear()

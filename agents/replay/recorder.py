"""From topics to a recording, and back."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from confluent_kafka import KafkaError, Message, Producer

from agents.replay.progress import Show
from agents.replay.runner import STEP_RECORDS
from agents.replay.stop import Stop
from config.settings import Settings
from config.workflows.loader import load_workflows
from streams.clients import client_settings, consumer_settings, producer_settings
from streams.recordings.files import Files
from streams.recordings.kafka_ends import capture, partition_counts
from streams.recordings.kafka_range import KafkaRange
from streams.recordings.ranges import Wanted
from streams.recordings.read import Bad, RecordingError
from streams.recordings.write import RecordingWriter
from streams.topics import AUDIT_TOPIC, DECISION_TOPIC, input_topics

FLUSH_SECONDS = 60.0
MADE_SECONDS = 5.0


def record_range(
    settings: Settings,
    path: Path,
    topics: Sequence[str],
    with_decisions: bool,
    wanted: Wanted,
    stop: Stop,
    show: Show,
) -> Counter[str]:
    """How many records were written, by topic. Raises RecordingError and ConfigurationError."""
    chosen = list(topics) or [*input_topics(load_workflows(settings.workflows).workflows.agents)]
    if with_decisions:
        chosen += [DECISION_TOPIC, AUDIT_TOPIC]
    client = client_settings(settings)
    counts = partition_counts(client)
    missing = [topic for topic in topics if topic not in counts]
    if missing or not any(topic in counts for topic in chosen):
        raise RecordingError(f"{', '.join(missing or chosen)}: expected a topic that exists")
    spans = capture(client, chosen, wanted)
    source = KafkaRange(consumer_settings(settings, f"{settings.app_id}-record"), spans)
    partitions = max(counts[topic] for topic in chosen if topic in counts)
    try:
        with RecordingWriter(path, partitions, wanted.since) as writer:
            for number, one in enumerate(source.records(), 1):
                writer.write(one.record)
                if not number % STEP_RECORDS:
                    show(source.done(), number)
                    if stop.asked:
                        break
            return writer.written
    finally:
        source.close()


class Back:
    """A recording back to topics: key, value, headers and partition as recorded; the timestamp too, where topics keep it."""

    def __init__(self, settings: Settings, prefix: str) -> None:
        self.produced: Counter[str] = Counter()
        self._prefix = prefix
        self._client = client_settings(settings)
        self._counts = partition_counts(self._client)
        self._producer = Producer(producer_settings(settings))
        self._refused: KafkaError | None = None

    def produce(self, paths: Sequence[Path], on_bad: Callable[[Bad], None], stop: Stop, show: Show) -> None:
        """Raises RecordingError for a topic that is missing, has too few partitions, or does not take a record."""
        files = Files(paths, on_bad)
        try:
            for number, one in enumerate(files.records(), 1):
                record = one.record
                topic = self._prefix + record.topic
                if record.partition >= self._counts.get(topic, 0):
                    self._look_again(topic, record.partition)
                while True:
                    try:
                        self._producer.produce(
                            topic,
                            record.value,
                            record.key,
                            record.partition,
                            timestamp=max(0, record.timestamp),
                            headers=list(record.headers),
                            on_delivery=self._delivered,
                        )
                    except BufferError:
                        self._producer.poll(0.1)
                    else:
                        break
                if not number % STEP_RECORDS:
                    self._producer.poll(0)
                    show(files.done(), number)
                    if stop.asked:
                        break
        finally:
            files.close()
            left = self._producer.flush(FLUSH_SECONDS)
        if left or self._refused is not None:
            raise RecordingError(f"Kafka did not take all records: {self._refused or f'{left} left'}")

    def _look_again(self, topic: str, partition: int) -> None:
        """A topic that was just made has no partitions for a moment. Raises RecordingError where that does not change."""
        deadline = time.monotonic() + MADE_SECONDS
        while partition >= self._counts.get(topic, 0):
            if time.monotonic() > deadline:
                found = self._counts.get(topic)
                told = "there is no such topic" if found is None else f"it has {found} partitions"
                raise RecordingError(f"{topic}: expected a topic with partition {partition}, {told}")
            time.sleep(0.2)
            self._counts = partition_counts(self._client)

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self._refused = self._refused or error
        else:
            self.produced[str(message.topic())] += 1

"""A stretch of an earlier owner, taken again in its order: what it may have sent goes out again with the same bytes.

Blocks; part of bringing a partition up, before anything else is folded.
"""

import logging
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from orchestration.correlation import TimePassed
from orchestration.intake import Intake
from orchestration.processor import Effects, PartitionProcessor
from orchestration.record import LogRecord
from orchestration.stretch import Stretch
from streams.lane.journal import Journal
from streams.lane.store import PartitionStore
from streams.records import log_record

logger = logging.getLogger(__name__)

_BATCH = 10_000


class Cancelled(Exception):
    """The partition is not wanted any more."""


def repeat(
    journal: Journal,
    consumer: Consumer,
    partition: int,
    partition_count: int,
    store: PartitionStore,
    cancelled: Callable[[], bool],
) -> tuple[Effects, Mapping[str, int]]:
    """Fold the stretch once more; what came of it, and where reading goes on. Raises Cancelled, KafkaException.

    ``store`` is told of the journal's workflows, and has to be told of the present ones afterwards.
    """
    logger.info("partition %d: the last stretch of owner %d is taken again", partition, journal.epoch)
    records = _read(journal.stretch, consumer, partition, cancelled)
    workflows = journal.context.workflows
    store.restored(workflows.digest_of_all)
    intake = Intake(workflows.agents, partition_count)
    processor = PartitionProcessor(intake, journal.context, store, dict(journal.stretch.begin))
    effects = Effects()
    for step in journal.stretch.steps:
        if isinstance(step, TimePassed):
            processor.time_passed(step.time, effects)
        else:
            waiting = records[step.topic]
            processor.take([waiting.popleft() for _ in range(step.records)], effects)
    return effects, processor.positions


def _read(
    stretch: Stretch, consumer: Consumer, partition: int, cancelled: Callable[[], bool]
) -> dict[str, deque[LogRecord]]:
    """Exactly the stretch's records, by topic."""
    missing = {topic: count for topic in stretch.begin if (count := stretch.taken_of(topic))}
    records: dict[str, deque[LogRecord]] = {topic: deque() for topic in missing}
    consumer.assign([TopicPartition(topic, partition, stretch.begin[topic]) for topic in missing])
    while missing:
        if cancelled():
            raise Cancelled
        for message in consumer.consume(_BATCH, 0.05):
            error: Any = message.error()
            if error is not None:
                if error.code() != KafkaError._PARTITION_EOF and not error.retriable():
                    raise KafkaException(error)
                continue
            record = log_record(message)
            if record.topic in missing:
                records[record.topic].append(record)
                missing[record.topic] -= 1
                if not missing[record.topic]:
                    del missing[record.topic]
    consumer.unassign()
    return records

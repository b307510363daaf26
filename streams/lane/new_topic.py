"""Where to begin to read a topic that the group has never read, while it has read others.

It is that of an agent which a changed workflows file names, and the agent may have published for long. Read from its
beginning it would open correlations again that were decided, and whose markers are gone; from its end it would be missing
in those that are open, or that stand in what has not been read yet.
"""

from collections.abc import Mapping
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from streams.lane.group_offsets import REQUEST_SECONDS


def first_needed(
    consumer: Consumer, topic: str, partition: int, open_since: int | None, unread: Mapping[str, int]
) -> int | None:
    """The offset of the topic's first record that an undecided correlation may need; None where that is its end.

    ``open_since`` (ms): since when the oldest open correlation waits. ``unread``: where the group stands in its topics.
    Raises KafkaException.
    """
    times = [time for time in (open_since, _first_time(consumer, partition, unread)) if time is not None]
    if not times:
        return None
    (found,) = consumer.offsets_for_times([TopicPartition(topic, partition, min(times))], REQUEST_SECONDS)
    offset: int = found.offset
    return None if offset < 0 else offset


def _first_time(consumer: Consumer, partition: int, unread: Mapping[str, int]) -> int | None:
    """The smallest timestamp of the topics' next records; None where nothing waits."""
    waiting = set(unread)
    times = []
    consumer.assign([TopicPartition(topic, partition, offset) for topic, offset in unread.items()])
    while waiting:
        for message in consumer.consume(1000, 0.05):
            error: Any = message.error()
            known: Any = message
            if error is None and known.topic() in waiting:
                times.append(known.timestamp()[1])
            elif error is not None and error.code() != KafkaError._PARTITION_EOF:
                if error.retriable():
                    continue
                raise KafkaException(error)
            waiting.discard(known.topic())
    consumer.unassign()
    return min(times, default=None)

"""What the group has committed, and where a partition begins and ends, asked of the broker each time."""

from collections.abc import Iterable

from confluent_kafka import OFFSET_INVALID, Consumer, KafkaError, KafkaException, TopicPartition

REQUEST_SECONDS = 15.0


def committed_offsets(consumer: Consumer, partition: int, topics: Iterable[str]) -> dict[str, int]:
    """The group's offsets, where it has any. Waits for transactions that are being committed."""
    places = [TopicPartition(topic, partition) for topic in topics]
    if not places:
        return {}
    return {
        place.topic: place.offset
        for place in consumer.committed(places, REQUEST_SECONDS)
        if place.offset != OFFSET_INVALID
    }


def watermarks(consumer: Consumer, topic: str, partition: int) -> tuple[int, int]:
    marks = consumer.get_watermark_offsets(TopicPartition(topic, partition), REQUEST_SECONDS, cached=False)
    if marks is None:
        raise KafkaException(
            KafkaError(KafkaError._TIMED_OUT, f"no end offset of {topic}[{partition}] in {REQUEST_SECONDS} s")
        )
    low, high = marks
    return low, high

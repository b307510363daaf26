"""What librdkafka hands over, as records whose parts are known to be there."""

from collections.abc import Iterable
from typing import cast

from confluent_kafka import KafkaException, Message

from orchestration.record import LogRecord


def received(messages: Iterable[Message]) -> list[LogRecord]:
    """The records among ``messages``. Raises KafkaException for an error that the client cannot mend by itself."""
    records = []
    for message in messages:
        error = message.error()
        if error is not None:
            if error.fatal():
                raise KafkaException(error)
            continue
        topic, partition, offset = message.topic(), message.partition(), message.offset()
        # librdkafka's types leave these open for messages that are errors.
        assert topic is not None
        assert partition is not None
        assert offset is not None
        pairs = cast("list[tuple[str, bytes | None]]", message.headers() or [])
        headers = [(name, value) for name, value in pairs if value is not None]
        timestamp = message.timestamp()[1]
        records.append(
            LogRecord(topic, partition, offset, timestamp, message.key(), message.value(), headers)
        )
    return records

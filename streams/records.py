"""librdkafka's messages as records."""

from collections.abc import Iterable
from typing import Any, cast

from confluent_kafka import KafkaException, Message

from orchestration.record import LogRecord


def log_record(message: Message) -> LogRecord:
    """A message that carries no error. Its accessors are typed as if each might be missing; of a record none is."""
    known = cast(Any, message)
    return LogRecord(
        known.topic(),
        known.partition(),
        known.offset(),
        known.timestamp()[1],
        known.key(),
        known.value(),
        known.headers() or (),
    )


def place_of(message: Message) -> tuple[str, int]:
    """Topic and partition of a message, or of an event about a partition."""
    known = cast(Any, message)
    return known.topic(), known.partition()


def offset_of(message: Message) -> int:
    """The offset of a record, of an end-of-partition event, or of a delivered message."""
    return cast(int, message.offset())


def received(messages: Iterable[Message]) -> list[LogRecord]:
    """The records among ``messages``. Raises KafkaException for an error that the client cannot mend by itself."""
    records = []
    for message in messages:
        error = message.error()
        if error is None:
            records.append(log_record(message))
        elif error.fatal():
            raise KafkaException(error)
    return records

"""Headers from one side to the other: those on the list, with all their values; the origin goes with them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache

from config.mirror.rules import allowed
from orchestration.record import Headers, Record
from streams.mirror.message import HeaderPairs, StreamMessage

NATS_STREAM = "nats_stream"
NATS_SEQUENCE = "nats_sequence"
NATS_TIME = "nats_time"
KAFKA_TOPIC = "kafka_topic"
KAFKA_PARTITION = "kafka_partition"
KAFKA_OFFSET = "kafka_offset"
FROM_NATS = frozenset({NATS_STREAM, NATS_SEQUENCE, NATS_TIME})
FROM_KAFKA = frozenset({KAFKA_TOPIC, KAFKA_PARTITION, KAFKA_OFFSET})

_NAME = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
MESSAGE_ID = "Nats-Msg-Id"
EXPECTED_STREAM = "Nats-Expected-Stream"


def kafka_headers(message: StreamMessage, stream: str, names: tuple[str, ...]) -> HeaderPairs:
    """For Kafka: the message's headers that are on the list ``names``, then where it stood in NATS.

    Headers that bear one of our names are left out: they would say that it stood elsewhere.
    """
    kept = [
        (name, value) for name, value in message.headers if name not in FROM_NATS and allowed(name, names)
    ]
    return (
        *kept,
        (NATS_STREAM, stream.encode()),
        (NATS_SEQUENCE, b"%d" % message.sequence),
        (NATS_TIME, nats_time(message.time).encode()),
    )


def nats_headers(
    record: Record, message_id: str, stream: str, names: tuple[str, ...]
) -> list[tuple[str, str]]:
    """For NATS: the record's headers on the list that NATS can hold, then its id and where it stood in Kafka."""
    kept = [
        (name, text)
        for name, value in record.headers
        if _sendable(name, names) and (text := _line(value)) is not None
    ]
    return [*kept, *own_headers(record, message_id, stream)]


def own_headers(record: Record, message_id: str, stream: str) -> list[tuple[str, str]]:
    return [
        (MESSAGE_ID, message_id),
        # Were the subject another stream's by now, its acknowledgement would not be ours.
        (EXPECTED_STREAM, stream),
        (KAFKA_TOPIC, record.topic),
        (KAFKA_PARTITION, str(record.partition)),
        (KAFKA_OFFSET, str(record.offset)),
    ]


def came_from_nats(headers: Headers) -> bool:
    return any(name == NATS_STREAM for name, _ in headers)


def came_from_kafka(headers: HeaderPairs, topic: str) -> bool:
    """Whether a mirror sent it, out of ``topic``."""
    return any(name == KAFKA_TOPIC and value == topic.encode() for name, value in headers)


def text_header(headers: Headers, name: str) -> str | None:
    """The last value of a header, where it is text."""
    for key, value in reversed(headers):
        if key == name:
            return (value or b"").decode() if (value or b"").isascii() else None
    return None


def size_of(headers: Sequence[tuple[str, str]]) -> int:
    """Bytes on the wire."""
    # Counting characters is enough, and much quicker, where the value is ASCII.
    values = (len(value) if value.isascii() else len(value.encode()) for _, value in headers)
    return len("NATS/1.0\r\n\r\n") + sum(values) + sum(len(name) + 4 for name, _ in headers)


def nats_time(nanoseconds: int) -> str:
    """RFC 3339 in UTC with nine digits, as NATS writes it."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return f"{_second(seconds)}.{rest:09d}Z"


@lru_cache(maxsize=64)
def _second(seconds: int) -> str:
    """Messages of one second come together, and writing it out costs more than the rest of their headers."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"


@lru_cache(maxsize=4096)
def _sendable(name: str, names: tuple[str, ...]) -> bool:
    return bool(name) and name not in FROM_KAFKA and _NAME.issuperset(name) and allowed(name, names)


def _line(value: bytes) -> str | None:
    """The value as one line of a NATS header; None where it cannot be one: what a line break begins would be a header of its own."""
    try:
        # A Kafka header may have no value at all.
        text = (value or b"").decode()
    except UnicodeDecodeError:
        return None
    return None if "\r" in text or "\n" in text else text

"""From a NATS message to a Kafka message: its key, its headers; or a dead letter, where no key can be found."""

from dataclasses import dataclass
from typing import Any

import msgspec

from orchestration.dead_letter import DeadLetter, dead_letter_message
from orchestration.ids import CORR_ID_EXPECTED, usable_corr_id
from orchestration.message import Message
from orchestration.record import LogRecord
from streams.mirror.headers import kafka_headers
from streams.mirror.jetstream import Feed
from streams.mirror.message import StreamMessage, last_header

LARGEST_VALUE = 2 * 1024 * 1024 - 64 * 1024
"""Input topics take records of 2 MiB, headers and framing among them."""


class _Body(msgspec.Struct):
    corr_id: Any = None


_decode = msgspec.json.Decoder(_Body).decode


@dataclass(frozen=True, slots=True)
class Converted:
    """``dead_letter``: the reason, where ``message`` is one."""

    message: Message
    dead_letter: str | None = None


def converted(
    message: StreamMessage, feed: Feed, stream: str, names: tuple[str, ...], *, refused: bool = False
) -> Converted:
    """What goes to Kafka. ``refused``: Kafka has refused it for good as it is.

    The corr_id is the body's; where the body has none, or is no JSON object, that of the header ``corr_id``: the record is
    then for the orchestrator to judge. Without any it has no partition.
    """
    headers = kafka_headers(message, stream, names)
    if refused or len(message.data) > LARGEST_VALUE:
        return _dead(message, feed, headers, "too_large", f"value: at most {LARGEST_VALUE} bytes")
    reason, expected = "no_corr_id", f"corr_id: {CORR_ID_EXPECTED}"
    found: Any = None
    try:
        found = _decode(message.data).corr_id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        reason, expected = "not_decodable", "value: JSON object in UTF-8"
    if found is None:
        header = last_header(message.headers, "corr_id")
        found = None if header is None else header.decode("utf-8", "replace")
    if not isinstance(found, str) or not usable_corr_id(found):
        return _dead(message, feed, headers, reason, expected)
    return Converted(Message(feed.topic, found.encode(), message.data, headers))


def _dead(
    message: StreamMessage, feed: Feed, headers: tuple[tuple[str, bytes], ...], reason: str, expected: str
) -> Converted:
    # It never was a Kafka record: -1. Where it stands in NATS is in its headers.
    record = LogRecord(feed.topic, -1, -1, message.time // 1_000_000, None, message.data, headers)
    return Converted(dead_letter_message(DeadLetter.of(record, reason, expected)), reason)

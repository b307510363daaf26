"""Dead letters: what could not be accepted, kept as it came, with the reason in Kafka Connect's own headers."""

from dataclasses import dataclass
from typing import Self

from orchestration.message import Message
from orchestration.record import Headers, Record
from orchestration.signal import SignalError

_SCHEMA_VERSION = b"1.0.0"

# Kafka Connect's names of the steps that a record goes through.
_STAGES = {"not_decodable": "VALUE_CONVERTER", "too_large": "VALUE_CONVERTER", "wrong_key": "KEY_CONVERTER"}
_ERROR_CLASSES = {
    "not_decodable": "msgspec.DecodeError",
    "validation_error": "pydantic.ValidationError",
    "processing_error": "Exception",
}

# The dlq topics take 8 MiB, and a compressed record of 2 MiB can hold far more: with its value in it the dead letter
# of such a bomb could never be written, and the worker would meet it again at every start.
_MAXIMUM_PAYLOAD = 7 * 1024 * 1024
_MAXIMUM_HEADERS = 64 * 1024
_MAXIMUM_HEADER_COUNT = 64


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record as received, and why it was not accepted. ``corr_id`` where a usable one is known.

    ``reason``: not_decodable, too_large, no_corr_id, wrong_topic, wrong_key, wrong_partition, validation_error,
    processing_error or correlation_too_large. ``message``: our own fixed text of at most 200 characters.
    ``stage``: Kafka Connect's name of the step that failed.
    """

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    reason: str
    stage: str
    error_class: str
    message: str
    corr_id: str | None = None

    @classmethod
    def of(
        cls,
        record: Record,
        reason: str,
        message: str,
        *,
        corr_id: str | None = None,
        stage: str | None = None,
        error_class: str | None = None,
    ) -> Self:
        """`stage` and `error_class` follow from the reason unless they are given."""
        return cls(
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            timestamp=record.timestamp,
            key=record.key,
            value=record.value,
            headers=record.headers,
            reason=reason,
            stage=stage or _STAGES.get(reason, "TRANSFORMATION"),
            error_class=error_class or _ERROR_CLASSES.get(reason, "ValueError"),
            message=message,
            corr_id=corr_id,
        )

    @classmethod
    def of_invalid(cls, record: Record, error: SignalError, corr_id: str) -> Self:
        """An invalid signal, which stays known as its agent's error as well."""
        return cls.of(record, error.type, error.message, corr_id=corr_id)

    @classmethod
    def too_large_for_row(cls, record: Record, corr_id: str) -> Self:
        """A signal that its correlation has no room for."""
        return cls.of(
            record, "correlation_too_large", "correlation: at most 4 MiB of signals", corr_id=corr_id
        )


def dead_letter_message(dead_letter: DeadLetter) -> Message:
    """The message for ``dlq.<topic>``: key and value as received (null stays null), the record's own headers, then ours.

    Left out: the record's headers that bear a name of ours, or go past 64 in number or 64 KiB together; the value (then
    the key too) where more than 7 MiB would have to be written, with its length in the header ``dlq_value_bytes``.
    """
    ours = [
        ("__connect.errors.topic", dead_letter.topic.encode()),
        ("__connect.errors.partition", b"%d" % dead_letter.partition),
        ("__connect.errors.offset", b"%d" % dead_letter.offset),
        ("__connect.errors.stage", dead_letter.stage.encode()),
        ("__connect.errors.exception.class.name", dead_letter.error_class.encode()),
        ("__connect.errors.exception.message", dead_letter.message.encode()),
        ("dlq_reason", dead_letter.reason.encode()),
        ("source", b"orchestrator"),
        ("schema_version", _SCHEMA_VERSION),
    ]
    if dead_letter.corr_id is not None:
        ours.append(("corr_id", dead_letter.corr_id.encode()))
    key, value = dead_letter.key, dead_letter.value
    if len(key or b"") + len(value or b"") > _MAXIMUM_PAYLOAD:
        ours.append(("dlq_value_bytes", b"%d" % len(value or b"")))
        value = None
        if len(key or b"") > _MAXIMUM_PAYLOAD:
            key = None
    kept = _kept(dead_letter.headers, {name for name, _ in ours})
    return Message(f"dlq.{dead_letter.topic}", key, value, (*kept, *ours))


def _kept(headers: Headers, taken: set[str]) -> list[tuple[str, bytes]]:
    """The record's own headers, in order, as far as they fit. One that bears a name of ours would be read for ours."""
    kept: list[tuple[str, bytes]] = []
    size = 0
    for name, value in headers[:_MAXIMUM_HEADER_COUNT]:
        size += len(name) + len(value or b"")
        if size > _MAXIMUM_HEADERS:
            break
        if name not in taken and not name.startswith(("__connect.errors.", "dlq_")):
            kept.append((name, value))
    return kept

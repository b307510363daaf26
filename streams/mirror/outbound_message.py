"""From a Kafka record to a NATS message: its subject, id, headers; a pointer where the server would refuse its size."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orchestration.canonical import canonical_json
from orchestration.record import LogRecord
from streams.mirror.headers import came_from_nats, nats_headers, own_headers, size_of, text_header
from streams.mirror.publisher import Outgoing
from streams.topics import DEAD_LETTER_PREFIX, LATE_TOPIC

POINTER_HEADER = ("kafka_pointer", "true")


@dataclass(frozen=True, slots=True)
class OutboundRules:
    """``subjects``: by topic. ``both_ways``: topics that are also fed from NATS, where the origin is looked at."""

    stream: str
    subjects: Mapping[str, str]
    both_ways: frozenset[str]
    header_names: tuple[str, ...]


def carried(record: LogRecord, rules: OutboundRules) -> bool:
    """False for what came in from NATS: it is there already.

    Asked on topics that NATS feeds alone: a dead letter keeps the headers of a record that came from there.
    """
    return record.topic not in rules.both_ways or not came_from_nats(record.headers)


def outgoing(record: LogRecord, rules: OutboundRules, largest: int) -> Outgoing:
    """``largest``: bytes that the server takes, headers and value together."""
    message_id = message_id_of(record)
    value = record.value or b""
    headers = nats_headers(record, message_id, rules.stream, rules.header_names)
    if size_of(headers) + len(value) > largest:
        return pointer(record, rules)
    return Outgoing(rules.subjects[record.topic], value, headers)


def pointer(record: LogRecord, rules: OutboundRules) -> Outgoing:
    """Where the record stands in Kafka, in place of what is in it."""
    place = {
        "corr_id": text_header(record.headers, "corr_id"),
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "bytes": len(record.value or b""),
    }
    headers = [*own_headers(record, message_id_of(record), rules.stream), POINTER_HEADER]
    return Outgoing(rules.subjects[record.topic], canonical_json(place), headers)


def message_id_of(record: LogRecord) -> str:
    """By which JetStream knows a repeat: of one outcome each topic has one message, whoever sends it, however often.

    Late signals name the decision that they came too late for, and many may name the same: by that id all but the first
    would be taken for repeats. So would the dead letters of a sink.
    """
    decision_id = text_header(record.headers, "decision_id")
    several = record.topic == LATE_TOPIC or record.topic.startswith(DEAD_LETTER_PREFIX)
    if decision_id and not several and decision_id.isprintable():
        return f"{decision_id}/{record.topic}"
    return f"{record.topic}/{record.partition}/{record.offset}"


def followers(records: Sequence[LogRecord]) -> dict[int, int]:
    """By a record's index that of the next with its key: it is sent when the first has arrived.

    Sent together, the first could fail and the second not; sent again, it would stand behind it.
    """
    last: dict[tuple[str, bytes], int] = {}
    following: dict[int, int] = {}
    for index, record in enumerate(records):
        if record.key is not None:
            place = (record.topic, record.key)
            if place in last:
                following[last[place]] = index
            last[place] = index
    return following

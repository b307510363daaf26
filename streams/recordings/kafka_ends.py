"""Offsets of a range, asked for once at the start: what comes later is not in it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from confluent_kafka import (
    ConsumerGroupTopicPartitions,
    IsolationLevel,
    KafkaError,
    KafkaException,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, OffsetSpec

from streams.recordings.ranges import Span, Wanted
from streams.recordings.read import RecordingError

ANSWER_SECONDS = 15.0


_clients: dict[str, AdminClient] = {}


def _client(configuration: Mapping[str, Any]) -> AdminClient:
    """One for each address, as long as the process runs.

    With a client its unanswered questions go, without an error; and of a process that made and dropped one every 0.2 s
    a segmentation fault was seen.
    """
    servers = str(configuration["bootstrap.servers"])
    if servers not in _clients:
        _clients[servers] = AdminClient(dict(configuration))
    return _clients[servers]


def partition_counts(configuration: Mapping[str, Any]) -> dict[str, int]:
    """Every topic's partition count. Raises RecordingError where Kafka does not answer."""
    try:
        described = _client(configuration).list_topics(timeout=ANSWER_SECONDS).topics
    except KafkaException as error:
        raise _unreachable(configuration, error) from None
    return {name: len(topic.partitions) for name, topic in described.items()}


def capture(configuration: Mapping[str, Any], topics: Iterable[str], wanted: Wanted) -> list[Span]:
    """The spans of these topics' partitions that are wanted, as they are now; topics that do not exist are left out.

    Ends are those of committed records: what an open transaction has written is not in the range. Raises RecordingError.
    """
    admin = _client(configuration)
    counts = partition_counts(configuration)
    places = [
        (topic, number)
        for topic in dict.fromkeys(topics)
        if topic in counts
        for number in range(counts[topic])
    ]
    _refuse_unknown(wanted, counts)
    begins = _ask(admin, configuration, places, OffsetSpec.earliest())
    ends = _ask(admin, configuration, places, OffsetSpec.latest())
    since = _at(admin, configuration, places, wanted.since, begins, ends)
    until = _at(admin, configuration, places, wanted.until, ends, ends)
    spans = []
    for place in places:
        begin, end = since[place], until[place]
        offsets = wanted.offsets_of(*place)
        if offsets is not None:
            begin = begins[place] if offsets.begin is None else offsets.begin
            end = ends[place] if offsets.end is None else min(offsets.end, ends[place])
            if begin < begins[place]:
                raise RecordingError(
                    f"{place[0]}:{place[1]}:{begin}: expected {begins[place]} or more: the log begins there"
                )
        elif wanted.offsets and wanted.since is None and wanted.until is None and _named(wanted, place[0]):
            # Other partitions of a topic of which single ones were asked for.
            continue
        spans.append(Span(*place, begin, max(begin, end)))
    return spans


def committed_offsets(
    configuration: Mapping[str, Any], group: str, spans: Iterable[Span]
) -> dict[tuple[str, int], int]:
    """What a group has committed of these partitions; empty where there is no such group. Raises RecordingError."""
    places = [TopicPartition(span.topic, span.partition) for span in spans]
    if not places:
        return {}
    asked = _client(configuration).list_consumer_group_offsets(
        [ConsumerGroupTopicPartitions(group, places)], request_timeout=ANSWER_SECONDS
    )
    (answer,) = asked.values()
    try:
        found = answer.result().topic_partitions
    except KafkaException as error:
        if error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND:
            return {}
        raise _unreachable(configuration, error) from None
    return {(place.topic, place.partition): place.offset for place in found if place.offset >= 0}


def _named(wanted: Wanted, topic: str) -> bool:
    return any(one.topic == topic for one in wanted.offsets)


def _refuse_unknown(wanted: Wanted, counts: Mapping[str, int]) -> None:
    for one in wanted.offsets:
        if one.topic not in counts:
            raise RecordingError(f"{one.topic}: expected a topic that exists")
        if one.partition is not None and one.partition >= counts[one.topic]:
            raise RecordingError(f"{one.topic}:{one.partition}: the topic has {counts[one.topic]} partitions")


Place = tuple[str, int]


def _at(
    admin: AdminClient,
    configuration: Mapping[str, Any],
    places: Sequence[Place],
    time: int | None,
    otherwise: Mapping[Place, int],
    ends: Mapping[Place, int],
) -> dict[Place, int]:
    """The first offset with a timestamp from ``time`` on; where there is none, the end."""
    if time is None:
        return dict(otherwise)
    found = _ask(admin, configuration, places, OffsetSpec.for_timestamp(time))
    return {place: ends[place] if offset < 0 else min(offset, ends[place]) for place, offset in found.items()}


def _ask(
    admin: AdminClient, configuration: Mapping[str, Any], places: Sequence[Place], spec: OffsetSpec
) -> dict[Place, int]:
    if not places:
        return {}
    asked = admin.list_offsets(
        {TopicPartition(*place): spec for place in places},
        isolation_level=IsolationLevel.READ_COMMITTED,
        request_timeout=ANSWER_SECONDS,
    )
    try:
        return {(place.topic, place.partition): answer.result().offset for place, answer in asked.items()}
    except KafkaException as error:
        raise _unreachable(configuration, error) from None


def _unreachable(configuration: Mapping[str, Any], error: KafkaException) -> RecordingError:
    servers = configuration["bootstrap.servers"]
    return RecordingError(
        f"Kafka does not answer at {servers} (KAFKA_BOOTSTRAP_SERVERS): {error.args[0].str()}"
    )

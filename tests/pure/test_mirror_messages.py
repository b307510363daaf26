"""Messages between NATS and Kafka: places, headers, ids, rounds, positions."""

import json

import pytest

from orchestration.record import LogRecord
from streams.mirror.headers import nats_time
from streams.mirror.inbound_message import LARGEST_VALUE, converted
from streams.mirror.jetstream import Feed
from streams.mirror.message import StreamMessage, delivered, header_pairs
from streams.mirror.outbound_message import OutboundRules, carried, followers, message_id_of, outgoing
from streams.mirror.position import Position
from streams.mirror.pull import nanoseconds

FEED = Feed("signals.enriched.risk", "signals.enriched.risk", "durable")
RULES = OutboundRules(
    "trading-events",
    {
        "orchestrated.decision": "orchestrated.decision",
        "signals.late": "signals.late",
        "signals.normalized": "s.n",
    },
    frozenset({"signals.normalized"}),
    ("corr_id", "decision_id", "traceparent"),
)


def message(
    data: bytes = b'{"corr_id": "a"}', sequence: int = 1, time: int = 10, **headers: str
) -> StreamMessage:
    pairs = tuple((name, value.encode()) for name, value in headers.items())
    return StreamMessage(FEED.subject, data, pairs, sequence, time, sequence, "reply")


def record(topic: str, key: bytes | None = b"a", offset: int = 7, **headers: bytes) -> LogRecord:
    return LogRecord(topic, 3, offset, 0, key, b'{"corr_id":"a"}', tuple(headers.items()))


@pytest.mark.parametrize(
    "reply",
    [
        "$JS.ACK.stream.durable.1.42.43.1700000000000000001.0",
        "$JS.ACK.hub.account.stream.durable.1.42.43.1700000000000000001.0",
        "$JS.ACK.hub.account.stream.durable.1.42.43.1700000000000000001.0.random",
    ],
)
def test_a_delivery_tells_sequence_number_and_time_with_a_domain_and_without(reply: str) -> None:
    found = delivered("s", b"", (), reply)
    assert found is not None
    assert (found.sequence, found.delivery, found.time) == (42, 43, 1_700_000_000_000_000_001)
    assert delivered("s", b"", (), "_INBOX.x") is None


def test_a_header_block_keeps_every_value_and_its_bytes() -> None:
    block = b"NATS/1.0\r\na: 1\r\nb:2\r\na: \xff:x\r\n\r\n: nameless\r\nno line\r\n"
    assert header_pairs(block) == (("a", b"1"), ("b", b"2"), ("a", b"\xff:x"))


def test_the_corr_id_is_the_bodys_before_the_headers() -> None:
    of_body = converted(message(corr_id="b"), FEED, "s", ("corr_id",))
    assert (of_body.dead_letter, of_body.message.key, of_body.message.topic) == (None, b"a", FEED.topic)
    of_header = converted(message(b"[]", corr_id="b"), FEED, "s", ())
    assert (of_header.dead_letter, of_header.message.key, of_header.message.value) == (None, b"b", b"[]")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not_decodable"),
        (b"[1]", "not_decodable"),
        (b'{"corr_id": 5}', "no_corr_id"),
        (b'{"corr_id": ""}', "no_corr_id"),
        (b"{}", "no_corr_id"),
        (b'{"corr_id": "a", "x": "' + b"x" * LARGEST_VALUE + b'"}', "too_large"),
        (b"[" * 100_000, "not_decodable"),
    ],
    ids=["empty", "list", "number", "empty text", "missing", "large", "deep"],
)
def test_what_has_no_place_in_kafka_is_a_dead_letter_with_its_place_in_nats(data: bytes, reason: str) -> None:
    dead = converted(message(data, sequence=9), FEED, "stream", ())
    headers = dict(dead.message.headers)
    assert (dead.dead_letter, dead.message.topic, dead.message.value) == (
        reason,
        "dlq.signals.enriched.risk",
        data,
    )
    assert (headers["dlq_reason"], headers["nats_stream"], headers["nats_sequence"]) == (
        reason.encode(),
        b"stream",
        b"9",
    )


def test_nobody_outside_can_say_where_a_record_stood() -> None:
    made = converted(message(nats_sequence="5", traceparent="t"), FEED, "stream", ("*",))
    assert made.message.headers[:-3] == (("traceparent", b"t"),)
    assert dict(made.message.headers)["nats_sequence"] == b"1"


def test_a_decision_has_its_id_in_each_topic_and_other_records_their_place() -> None:
    decision = record("orchestrated.decision", decision_id=b"d")
    assert message_id_of(decision) == "d/orchestrated.decision"
    # Many late signals name one decision: by its id all but the first would be taken for repeats, and be lost.
    assert message_id_of(record("signals.late", decision_id=b"d")) == "signals.late/3/7"
    assert message_id_of(record("dlq.execution.order", decision_id=b"d")) == "dlq.execution.order/3/7"
    assert message_id_of(record("signals.normalized")) == "signals.normalized/3/7"


def test_what_came_from_nats_is_not_sent_back_but_a_dead_letter_of_it_is_sent() -> None:
    assert not carried(record("signals.normalized", nats_stream=b"s"), RULES)
    assert carried(record("signals.normalized"), RULES)
    assert carried(record("dlq.signals.normalized", nats_stream=b"s"), RULES)


def test_a_record_that_the_server_would_refuse_becomes_a_pointer() -> None:
    large = outgoing(record("orchestrated.decision", corr_id=b"a"), RULES, 20)
    assert json.loads(large.value) == {
        "corr_id": "a",
        "topic": "orchestrated.decision",
        "partition": 3,
        "offset": 7,
        "bytes": 15,
    }
    assert ("kafka_pointer", "true") in large.headers
    assert outgoing(record("orchestrated.decision"), RULES, 1000).value == b'{"corr_id":"a"}'


def test_a_header_value_cannot_begin_a_header_of_its_own() -> None:
    sent = outgoing(
        record("orchestrated.decision", traceparent=b"a\r\nNats-Msg-Id: x", corr_id=b"\xff"), RULES, 1000
    )
    assert {name for name, _ in sent.headers}.isdisjoint({"traceparent", "corr_id"})


def test_a_message_of_a_corr_id_is_sent_after_the_one_before_it_in_the_topic() -> None:
    keys = [b"a", b"b", b"a", None, b"a", None, b"b"]
    records = [record("t", key) for key in keys]
    assert followers(records) == {0: 2, 2: 4, 1: 6}
    assert followers([record("t", b"a"), record("u", b"a")]) == {}
    assert followers([]) == {}


def test_a_position_knows_repeats_by_sequence_and_time() -> None:
    position = Position().after(message(sequence=5, time=50)).after(message(sequence=6, time=40))
    assert position == Position(6, 50)
    assert position.covers(message(sequence=5, time=50))
    assert not position.covers(message(sequence=7, time=45))
    # A stream that was made anew begins with small sequences, at a later time.
    assert not position.covers(message(sequence=1, time=60))
    assert Position.decoded(position.encoded()) == position


def test_times_keep_their_nanoseconds_there_and_back() -> None:
    assert nats_time(1_700_000_000_000_000_001) == "2023-11-14T22:13:20.000000001Z"
    assert nanoseconds("2023-11-14T22:13:20.000000001Z") == 1_700_000_000_000_000_001
    assert nanoseconds("2023-11-14T22:13:20Z") == 1_700_000_000_000_000_000

import pytest

from orchestration.dead_letter import DeadLetter, dead_letter_message
from orchestration.record import Headers, LogRecord
from orchestration.signal import SignalError

MIB = 1024 * 1024
STAMP = 1_768_473_002_120


def record(key: bytes | None = b"req_1", value: bytes | None = b"{", headers: Headers = ()) -> LogRecord:
    return LogRecord("signals.enriched.momentum", 3, 41, STAMP, key, value, headers)


def test_a_dead_letter_keeps_what_came_and_says_why_in_kafka_connects_headers() -> None:
    message = dead_letter_message(DeadLetter.of(record(), "not_decodable", "value: JSON object in UTF-8"))
    assert message.topic == "dlq.signals.enriched.momentum"
    assert (message.key, message.value) == (b"req_1", b"{")
    assert message.headers == (
        ("__connect.errors.topic", b"signals.enriched.momentum"),
        ("__connect.errors.partition", b"3"),
        ("__connect.errors.offset", b"41"),
        ("__connect.errors.stage", b"VALUE_CONVERTER"),
        ("__connect.errors.exception.class.name", b"msgspec.DecodeError"),
        ("__connect.errors.exception.message", b"value: JSON object in UTF-8"),
        ("dlq_reason", b"not_decodable"),
        ("source", b"orchestrator"),
        ("schema_version", b"1.0.0"),
    )
    assert not message.essential


@pytest.mark.parametrize(
    ("reason", "stage"),
    [
        ("not_decodable", b"VALUE_CONVERTER"),
        ("too_large", b"VALUE_CONVERTER"),
        ("wrong_key", b"KEY_CONVERTER"),
        ("no_corr_id", b"TRANSFORMATION"),
        ("wrong_topic", b"TRANSFORMATION"),
        ("wrong_partition", b"TRANSFORMATION"),
        ("validation_error", b"TRANSFORMATION"),
        ("processing_error", b"TRANSFORMATION"),
        ("correlation_too_large", b"TRANSFORMATION"),
    ],
)
def test_the_stage_follows_from_the_reason(reason: str, stage: bytes) -> None:
    headers = dict(dead_letter_message(DeadLetter.of(record(), reason, "x: y")).headers)
    assert headers["__connect.errors.stage"] == stage
    assert headers["dlq_reason"] == reason.encode()


def test_stage_and_class_can_be_given() -> None:
    dead = DeadLetter.of(
        record(), "refused", "value: smaller", stage="KAFKA_PRODUCE", error_class="MessageSizeTooLarge"
    )
    assert (dead.stage, dead.error_class) == ("KAFKA_PRODUCE", "MessageSizeTooLarge")


def test_a_known_corr_id_is_a_header() -> None:
    error = SignalError("validation_error", "enriched_at: RFC 3339 timestamp with offset")
    dead = DeadLetter.of_invalid(record(), error, "req_1")
    headers = dict(dead_letter_message(dead).headers)
    assert headers["corr_id"] == b"req_1"
    assert headers["dlq_reason"] == b"validation_error"
    assert headers["__connect.errors.exception.message"] == error.message.encode()


def test_a_signal_without_room_in_its_row_has_its_own_reason() -> None:
    dead = DeadLetter.too_large_for_row(record(), "req_1")
    assert (dead.reason, dead.corr_id, dead.value) == ("correlation_too_large", "req_1", b"{")


def test_null_stays_null() -> None:
    message = dead_letter_message(DeadLetter.of(record(key=None, value=None), "not_decodable", "x: y"))
    assert message.key is None
    assert message.value is None


def test_the_records_own_headers_come_first_and_none_of_them_can_pass_for_ours() -> None:
    own = (
        ("traceparent", b"00-a"),
        ("corr_id", b"req_forged"),
        ("dlq_reason", b"forged"),
        ("dlq_value_bytes", b"9"),
        ("__connect.errors.exception.stacktrace", b"forged"),
        ("x", b"1"),
        ("x", b"2"),
    )
    message = dead_letter_message(DeadLetter.of(record(headers=own), "wrong_key", "x: y", corr_id="req_1"))
    assert message.headers[:3] == (("traceparent", b"00-a"), ("x", b"1"), ("x", b"2"))
    names = [name for name, _ in message.headers[3:]]
    assert len(names) == len(set(names))
    assert dict(message.headers)["corr_id"] == b"req_1"
    assert dict(message.headers)["dlq_reason"] == b"wrong_key"


def test_a_corr_id_header_of_an_unknown_sender_is_kept_where_we_know_none() -> None:
    own = (("corr_id", b"req_1"),)
    message = dead_letter_message(DeadLetter.of(record(headers=own), "not_decodable", "x: y"))
    assert message.headers[0] == ("corr_id", b"req_1")


@pytest.mark.parametrize(
    "own", [[("n", b"v")] * 1000, [("n", b"x" * 1024)] * 1000, [("n" * 40_000, b"x" * 40_000)]]
)
def test_a_flood_of_headers_is_cut(own: list[tuple[str, bytes]]) -> None:
    message = dead_letter_message(DeadLetter.of(record(headers=own), "not_decodable", "x: y"))
    kept = message.headers[:-9]
    assert len(kept) <= 64
    assert sum(len(name) + len(value) for name, value in kept) <= 64 * 1024


def test_a_value_that_no_topic_would_take_is_left_out_with_its_length() -> None:
    message = dead_letter_message(DeadLetter.of(record(value=b"x" * (9 * MIB)), "too_large", "x: y"))
    assert message.key == b"req_1"
    assert message.value is None
    assert dict(message.headers)["dlq_value_bytes"] == str(9 * MIB).encode()


def test_so_is_a_key() -> None:
    message = dead_letter_message(DeadLetter.of(record(key=b"x" * (9 * MIB)), "wrong_key", "x: y"))
    assert message.key is None
    assert message.value is None


def test_a_value_of_5_mib_is_kept_whole() -> None:
    message = dead_letter_message(DeadLetter.of(record(value=b"x" * (5 * MIB)), "too_large", "x: y"))
    assert message.value == b"x" * (5 * MIB)

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.dead_letter import DeadLetter
from tests.pure.signal_samples import (
    CORR_ID,
    GOOD,
    INTAKE,
    dead_letter_of,
    record,
    signal_of,
    with_field,
)

DEEP = b'{"corr_id":"req_abc123","deep":' + b"[" * 100 + b"]" * 100 + b"}"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        pytest.param(None, "not_decodable", id="null"),
        pytest.param(b"", "not_decodable", id="empty"),
        pytest.param(b"not json", "not_decodable", id="not json"),
        pytest.param(GOOD[:-10], "not_decodable", id="truncated"),
        pytest.param(GOOD + b"{}", "not_decodable", id="two objects"),
        pytest.param(b"\xef\xbb\xbf" + GOOD, "not_decodable", id="byte order mark"),
        pytest.param(b"[" + GOOD + b"]", "not_decodable", id="array"),
        pytest.param(b'"req_abc123"', "not_decodable", id="text"),
        pytest.param(b"null", "not_decodable", id="json null"),
        pytest.param(with_field('"é'.encode()[:-1] + b'"'), "not_decodable", id="truncated utf-8"),
        pytest.param(with_field(b'"\xed\xa0\x80"'), "not_decodable", id="surrogate in utf-8"),
        pytest.param(with_field(b'"\\ud800"'), "not_decodable", id="lone surrogate"),
        pytest.param(with_field(b'"\\udc00 more text"'), "not_decodable", id="lone low surrogate"),
        pytest.param(with_field(b"NaN"), "not_decodable", id="NaN"),
        pytest.param(with_field(b"-Infinity"), "not_decodable", id="Infinity"),
        pytest.param(with_field(b"1e400"), "not_decodable", id="1e400"),
        pytest.param(with_field(b"[-1e400]"), "not_decodable", id="-1e400"),
        pytest.param(with_field(b"1" + b"0" * 309), "not_decodable", id="integer of 310 digits"),
        pytest.param(with_field(b"[[-" + b"9" * 309 + b"]]"), "not_decodable", id="integer of 309 nines"),
        pytest.param(with_field(b"1" + b"0" * 100_000), "not_decodable", id="integer of 100,000 digits"),
        pytest.param(DEEP, "not_decodable", id="101 levels"),
        pytest.param(DEEP.replace(b"[]", b"[{}]"), "not_decodable", id="102 levels"),
        pytest.param(b"[" * 500_000, "not_decodable", id="500,000 levels"),
        pytest.param(with_field(b'"' + b"x" * 1_100_000 + b'"'), "too_large", id="1.1 MB"),
        pytest.param(b"x" * (1024 * 1024 + 1), "too_large", id="1 MiB and a byte"),
        pytest.param(b"{}", "no_corr_id", id="no corr_id"),
        pytest.param(b'{"corr_id":null}', "no_corr_id", id="null corr_id"),
        pytest.param(b'{"corr_id":5}', "no_corr_id", id="numeric corr_id"),
        pytest.param(b'{"corr_id":["req_abc123"]}', "no_corr_id", id="corr_id in a list"),
        pytest.param(b'{"corr_id":""}', "no_corr_id", id="empty corr_id"),
        pytest.param(b'{"corr_id":"a b"}', "no_corr_id", id="corr_id with a space"),
        pytest.param(b'{"corr_id":"../etc/passwd"}', "no_corr_id", id="corr_id with a slash"),
        pytest.param(b'{"corr_id":"' + b"x" * 129 + b'"}', "no_corr_id", id="corr_id of 129 characters"),
        pytest.param(
            GOOD.replace(b'"agent_name": "momentum"', b'"agent_name": "risk"'),
            "wrong_topic",
            id="wrong agent",
        ),
    ],
)
def test_what_is_no_signal_at_all_is_dead_lettered(value: bytes | None, reason: str) -> None:
    dead = dead_letter_of(INTAKE.read(record("signals.enriched.momentum", value)))
    assert dead.reason == reason
    assert (dead.key, dead.value) == (CORR_ID.encode(), value)
    assert dead.corr_id == (CORR_ID if reason == "wrong_topic" else None)


@pytest.mark.parametrize("value", [b"1" + b"0" * 308, b"-" + b"1" * 309, b"9" * 308, b"[" * 98 + b"]" * 98])
def test_large_numbers_and_deep_nesting_within_the_limits_are_taken(value: bytes) -> None:
    assert signal_of(INTAKE.read(record("signals.enriched.momentum", with_field(value)))).valid


@given(st.integers(0, 700), st.integers(300, 330), st.sampled_from([b"1", b"-1"]))
def test_too_large_an_integer_is_found_wherever_it_stands(padding: int, zeros: int, start: bytes) -> None:
    value = with_field(b'"' + b"x" * padding + b'","number":' + start + b"0" * zeros)
    read = INTAKE.read(record("signals.enriched.momentum", value))
    assert isinstance(read, DeadLetter) == (zeros > 308)


def test_a_value_of_exactly_1_mib_is_taken() -> None:
    filler = b"x" * (1024 * 1024 - len(with_field(b'""')))
    value = with_field(b'"' + filler + b'"')
    assert len(value) == 1024 * 1024
    assert signal_of(INTAKE.read(record("signals.enriched.momentum", value))).valid

import hashlib
import json
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.body import body_of
from orchestration.dead_letter import DeadLetter
from orchestration.intake import Intake
from orchestration.record import Headers
from orchestration.signal import NORMALIZED, Signal, SignalError
from tests.pure.signal_samples import (
    ANALYSES,
    CORR_ID,
    GOOD,
    INTAKE,
    NORMALIZED_BODY,
    PARTITIONS,
    dead_letter_of,
    enriched,
    enriched_record,
    record,
    signal_of,
)

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.mark.parametrize("agent", sorted(ANALYSES))
def test_a_good_enriched_signal_is_taken_with_its_place_and_its_hash(agent: str) -> None:
    taken = enriched_record(agent)
    signal = signal_of(INTAKE.read(taken))
    assert signal.valid
    assert (signal.corr_id, signal.agent) == (CORR_ID, agent)
    assert (signal.topic, signal.partition, signal.offset, signal.timestamp) == (
        taken.topic,
        taken.partition,
        taken.offset,
        taken.timestamp,
    )
    assert signal.value == taken.value
    assert signal.sha256 == hashlib.sha256(taken.value or b"").digest()
    assert body_of(signal) == enriched(agent)


def test_a_good_normalized_signal_is_taken() -> None:
    signal = signal_of(INTAKE.read(record("signals.normalized", NORMALIZED_BODY)))
    assert signal.valid
    assert signal.agent == NORMALIZED
    assert body_of(signal) == NORMALIZED_BODY


@pytest.mark.parametrize("key", [None, b"", b"req_other", b"req_abc123 ", b'"req_abc123"', b"\xff"])
def test_a_record_without_its_corr_id_as_key_is_dead_lettered(key: bytes | None) -> None:
    dead = dead_letter_of(INTAKE.read(record("signals.enriched.momentum", enriched("momentum"), key=key)))
    assert (dead.reason, dead.message, dead.corr_id) == ("wrong_key", "key: the corr_id", CORR_ID)


def test_a_record_on_another_partition_is_dead_lettered_each_time() -> None:
    good = enriched_record("momentum")
    for _ in range(2):
        dead = dead_letter_of(INTAKE.read(good._replace(partition=(good.partition + 1) % PARTITIONS)))
        assert dead.reason == "wrong_partition"
        assert signal_of(INTAKE.read(good)).valid


def test_a_topic_that_is_no_input_is_dead_lettered() -> None:
    dead = dead_letter_of(INTAKE.read(record("signals.enriched.astrology", enriched("momentum"))))
    assert dead.reason == "wrong_topic"


def test_the_first_thing_that_is_wrong_is_the_reason() -> None:
    """Decoding, then corr_id, topic, key, partition, and the content last."""
    wrong = record("signals.enriched.risk", enriched("momentum", enriched_at="x"), key=b"other")
    momentum = wrong._replace(topic="signals.enriched.momentum")
    records = [
        wrong._replace(value=b"{"),
        wrong._replace(value=b"{}"),
        wrong,
        momentum,
        momentum._replace(key=CORR_ID.encode(), partition=99),
    ]
    reasons = [dead_letter_of(INTAKE.read(each)).reason for each in records]
    assert reasons == ["not_decodable", "no_corr_id", "wrong_topic", "wrong_key", "wrong_partition"]


def test_of_a_key_that_stands_twice_the_last_one_counts() -> None:
    value = b'{"corr_id":"req_other",' + GOOD[1:]
    assert signal_of(INTAKE.read(record("signals.enriched.momentum", value))).corr_id == CORR_ID


@pytest.mark.parametrize(
    ("headers", "traceparent"),
    [
        ((), None),
        ((("traceparent", TRACEPARENT.encode()),), TRACEPARENT),
        ((("other", b"x"), ("traceparent", b"old"), ("traceparent", TRACEPARENT.encode())), TRACEPARENT),
        ((("traceparent", TRACEPARENT.encode()), ("traceparent", b"broken")), None),
        ((("traceparent", b"ff" + TRACEPARENT[2:].encode()),), None),
        ((("traceparent", b"00-" + b"0" * 32 + b"-b7ad6b7169203331-01"),), None),
        ((("traceparent", TRACEPARENT.upper().encode()),), None),
        ((("traceparent", b"\xff\xfe"),), None),
        ((("traceparent", cast(bytes, None)),), None),
    ],
)
def test_a_well_formed_trace_context_is_kept(headers: Headers, traceparent: str | None) -> None:
    taken = record("signals.enriched.momentum", enriched("momentum"), headers=headers)
    assert signal_of(INTAKE.read(taken)).traceparent == traceparent


def test_a_record_that_breaks_our_own_code_is_dead_lettered_not_raised() -> None:
    broken = enriched_record("momentum")._replace(value=cast(bytes, 5))
    dead = dead_letter_of(INTAKE.read(broken))
    assert dead.reason == "processing_error"


def test_an_agent_whose_signal_breaks_our_own_check_has_reported() -> None:
    def breaks(body: object) -> bool:
        raise KeyError(body)

    intake = Intake(["momentum"], PARTITIONS)
    topic = "signals.enriched.momentum"
    intake._topics[topic] = intake._topics[topic]._replace(read=lambda _: None, check=breaks)
    signal = signal_of(intake.read(enriched_record("momentum")))
    assert signal.error == SignalError("processing_error", "signal: one that can be processed")


def test_more_corr_ids_than_are_remembered_change_nothing() -> None:
    intake = Intake(["momentum"], PARTITIONS, remembered=3)
    for i in [*range(10), *range(10)]:
        body = enriched("momentum", corr_id=f"req_{i}")
        assert signal_of(intake.read(record("signals.enriched.momentum", body, f"req_{i}".encode()))).valid


def test_an_intake_without_partitions_is_refused() -> None:
    with pytest.raises(ValueError, match="partition_count"):
        Intake([], 0)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@settings(deadline=None)
@given(
    st.sampled_from(["signals.normalized", "signals.enriched.momentum", "signals.enriched.risk", "nothing"]),
    st.binary() | JSON_VALUES.map(lambda value: json.dumps(value).encode()),
    st.none() | st.binary(max_size=20),
)
def test_no_bytes_whatever_make_it_raise(topic: str, value: bytes, key: bytes | None) -> None:
    assert isinstance(INTAKE.read(record(topic, value, key)), DeadLetter)


@settings(deadline=None)
@given(st.sampled_from(sorted(ANALYSES)), st.data())
def test_no_content_of_any_field_makes_it_raise_or_repeats_what_came(agent: str, data: st.DataObject) -> None:
    secret = "hunter2"
    values = st.just(secret) | st.just({secret: secret}) | st.just([secret]) | JSON_VALUES
    body = enriched(agent)
    body[data.draw(st.sampled_from(sorted(set(body) - {"corr_id", "agent_name"})))] = data.draw(values)
    body["analysis"] = {**ANALYSES[agent], secret: secret} if isinstance(body["analysis"], dict) else secret
    name = data.draw(st.sampled_from(sorted(ANALYSES[agent])))
    if isinstance(body["analysis"], dict):
        body["analysis"][name] = data.draw(values)
    read = INTAKE.read(record(f"signals.enriched.{agent}", body))
    if isinstance(read, Signal) and read.error is not None:
        assert secret not in read.error.message
        assert len(read.error.message) <= 200
        assert read.error.type == "validation_error"

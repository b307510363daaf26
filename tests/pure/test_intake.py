import hashlib
import json
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.dead_letter import DeadLetter
from orchestration.intake import Intake
from orchestration.partitioning import partition_of
from orchestration.record import Headers, LogRecord
from orchestration.signal import NORMALIZED, Signal, SignalError

PARTITIONS = 8
INTAKE = Intake(["momentum", "risk", "correlation", "sentiment"], PARTITIONS)
CORR_ID = "req_abc123"
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

Json = dict[str, Any]

NORMALIZED_BODY: Json = {
    "corr_id": CORR_ID,
    "source": "tradingview",
    "instrument": "EURUSD",
    "price": 1.0945,
    "side": "buy",
    "strength": 0.75,
    "timestamp": "2026-01-15T10:30:00Z",
    "normalized_at": "2026-01-15T10:30:00.250Z",
}
ANALYSES: Json = {
    "momentum": {
        "confidence": 0.82,
        "momentum_strength": 0.74,
        "trend_direction": "bullish",
        "technical_indicators": {"rsi": 61.2},
    },
    "risk": {
        "overall_score": 0.35,
        "risk_level": "low",
        "position_sizing": {"recommended_size": 7500, "max_position_size": 10000.0},
        "recommendations": {"suggested_stop_loss": 1.089, "max_risk_per_trade": 0.02},
        "exposure_analysis": {"current_exposure_pct": 12.5},
    },
    "correlation": {"portfolio_impact": 0.45},
    "sentiment": {"confidence": 0.6, "anything": [1, {"else": None}]},
}


def enriched(agent: str, **changes: Any) -> Json:
    """A valid signal of the agent; `analysis__confidence=2` changes a nested field, `...` takes a field away."""
    body: Json = {
        "schema_version": "1.0.0",
        "agent_name": agent,
        "agent_version": "1.2.0",
        "corr_id": CORR_ID,
        "enriched_at": "2026-01-15T10:30:02.120Z",
        "source_signal": {
            "instrument": "EURUSD",
            "price": 1.0945,
            "side": "buy",
            "timestamp": "2026-01-15T10:30:00Z",
        },
        "analysis": ANALYSES[agent],
    }
    return changed(body, **changes)


def changed(body: Json, **changes: Any) -> Json:
    copy = cast(Json, json.loads(json.dumps(body)))
    for path, value in changes.items():
        *parents, name = path.split("__")
        at = copy
        for parent in parents:
            at = at[parent]
        if value is ...:
            del at[name]
        else:
            at[name] = value
    return copy


def record(
    topic: str, body: Json | bytes | None, key: bytes | None = CORR_ID.encode(), headers: Headers = ()
) -> LogRecord:
    value = json.dumps(body).encode() if isinstance(body, dict) else body
    partition = partition_of(key or b"", PARTITIONS)
    return LogRecord(topic, partition, 7, 1_768_473_002_120, key, value, headers)


def enriched_record(agent: str, **changes: Any) -> LogRecord:
    return record(f"signals.enriched.{agent}", enriched(agent, **changes))


def signal_of(read: Signal | DeadLetter) -> Signal:
    assert isinstance(read, Signal), read
    return read


def dead_letter_of(read: Signal | DeadLetter) -> DeadLetter:
    assert isinstance(read, DeadLetter), read
    return read


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
    assert signal.body == enriched(agent)


def test_a_good_normalized_signal_is_taken() -> None:
    signal = signal_of(INTAKE.read(record("signals.normalized", NORMALIZED_BODY)))
    assert signal.valid
    assert signal.agent == NORMALIZED
    assert signal.body == NORMALIZED_BODY


@pytest.mark.parametrize(
    "changes",
    [
        {"unknown": {"field": [1]}},
        {"schema_version": ...},
        {"schema_version": None},
        {"schema_version": "1.27.3-rc.1+build.5"},
        {"agent_version": None},
        {"source_signal": ...},
        {"source_signal": None},
        {"source_signal": {}},
        {"source_signal__price": None},
        {"source_signal__side": None},
        {"source_signal__timestamp": None},
        {"source_signal__instrument": ...},
        {"source_signal__price": 1},
        {"source_signal__strength": "of no interest here"},
        {"enriched_at": "2026-01-15T11:30:02.120999+01:00"},
        {"analysis__confidence": 0},
        {"analysis__confidence": 1},
        {"analysis__momentum_strength": ...},
        {"analysis__momentum_strength": None},
        {"analysis__trend_direction": None},
        {"analysis__technical_indicators": None},
        {"analysis__technical_indicators": {}},
        {"analysis__technical_indicators": {"rsi": None, "deep": {"er": [[]]}}},
    ],
    ids=str,
)
def test_what_is_optional_may_be_null_or_absent_and_what_is_unknown_is_kept(changes: Json) -> None:
    signal = signal_of(INTAKE.read(enriched_record("momentum", **changes)))
    assert signal.valid, signal.error
    assert signal.body == enriched("momentum", **changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"analysis__exposure_analysis": "no object"},
        {"analysis__exposure_analysis": {"current_exposure_pct": "no number"}},
        {"analysis__volatility_metrics": [1]},
        {"analysis__risk_level": ...},
        {"analysis__position_sizing": None},
        {"analysis__position_sizing__recommended_size": 0},
        {"analysis__recommendations__suggested_stop_loss": None},
    ],
    ids=str,
)
def test_what_a_risk_signal_may_say_freely_is_never_invalid(changes: Json) -> None:
    assert signal_of(INTAKE.read(enriched_record("risk", **changes))).valid


@pytest.mark.parametrize(
    ("agent", "changes", "message"),
    [
        ("momentum", {"analysis__confidence": 1.2}, "analysis.confidence: number from 0 to 1"),
        ("momentum", {"analysis__confidence": -0.1}, "analysis.confidence: number from 0 to 1"),
        ("momentum", {"analysis__confidence": "0.8"}, "analysis.confidence: number from 0 to 1"),
        ("momentum", {"analysis__confidence": True}, "analysis.confidence: number from 0 to 1"),
        ("momentum", {"analysis__confidence": None}, "analysis.confidence: number from 0 to 1"),
        ("momentum", {"analysis__confidence": ...}, "analysis.confidence: number from 0 to 1"),
        ("momentum", {"analysis__confidence": 10**308}, "analysis.confidence: number from 0 to 1"),
        ("momentum", {"analysis__momentum_strength": 2}, "analysis.momentum_strength: number from 0 to 1"),
        (
            "momentum",
            {"analysis__trend_direction": "up"},
            "analysis.trend_direction: bullish, bearish, sideways or unknown",
        ),
        ("momentum", {"analysis__technical_indicators": [1]}, "analysis.technical_indicators: object"),
        ("momentum", {"analysis": ...}, "analysis: object"),
        ("momentum", {"analysis": None}, "analysis: object"),
        ("momentum", {"analysis": [0.8]}, "analysis: object"),
        ("momentum", {"agent_name": ...}, "agent_name: name of the topic's agent"),
        ("momentum", {"agent_name": 5}, "agent_name: name of the topic's agent"),
        ("momentum", {"agent_version": 1}, "agent_version: text of at most 128 characters"),
        ("momentum", {"agent_version": "v" * 129}, "agent_version: text of at most 128 characters"),
        ("momentum", {"enriched_at": ...}, "enriched_at: RFC 3339 timestamp with offset"),
        (
            "momentum",
            {"enriched_at": "2026-01-15T10:30:02"},
            "enriched_at: RFC 3339 timestamp with offset",
        ),
        ("momentum", {"enriched_at": 1768473002120}, "enriched_at: RFC 3339 timestamp with offset"),
        ("momentum", {"schema_version": "2.0.0"}, "schema_version: version 1.x.y"),
        ("momentum", {"schema_version": "1.0"}, "schema_version: version 1.x.y"),
        ("momentum", {"schema_version": "1.0.01"}, "schema_version: version 1.x.y"),
        ("momentum", {"schema_version": "10.0.0"}, "schema_version: version 1.x.y"),
        ("momentum", {"schema_version": 1}, "schema_version: version 1.x.y"),
        ("momentum", {"source_signal": "EURUSD"}, "source_signal: object"),
        (
            "momentum",
            {"source_signal__instrument": ""},
            "source_signal.instrument: text of 1 to 128 characters",
        ),
        (
            "momentum",
            {"source_signal__instrument": 5},
            "source_signal.instrument: text of 1 to 128 characters",
        ),
        ("momentum", {"source_signal__price": 0}, "source_signal.price: number above 0"),
        ("momentum", {"source_signal__price": "1.09"}, "source_signal.price: number above 0"),
        ("momentum", {"source_signal__side": "long"}, "source_signal.side: buy or sell, or null"),
        (
            "momentum",
            {"source_signal__timestamp": "now"},
            "source_signal.timestamp: RFC 3339 timestamp with offset",
        ),
        ("risk", {"analysis__overall_score": ...}, "analysis.overall_score: number from 0 to 1"),
        ("risk", {"analysis__risk_level": "extreme"}, "analysis.risk_level: low, medium, high or blocked"),
        ("risk", {"analysis__risk_level": "LOW"}, "analysis.risk_level: low, medium, high or blocked"),
        ("risk", {"analysis__confidence": 3}, "analysis.confidence: number from 0 to 1"),
        ("risk", {"analysis__position_sizing": 7500}, "analysis.position_sizing: object"),
        (
            "risk",
            {"analysis__position_sizing__recommended_size": -1},
            "analysis.position_sizing.recommended_size: number of 0 or more",
        ),
        (
            "risk",
            {"analysis__position_sizing__max_position_size": "10"},
            "analysis.position_sizing.max_position_size: number of 0 or more",
        ),
        (
            "risk",
            {"analysis__recommendations__suggested_stop_loss": 0},
            "analysis.recommendations.suggested_stop_loss: number above 0",
        ),
        (
            "risk",
            {"analysis__recommendations__max_risk_per_trade": -0.5},
            "analysis.recommendations.max_risk_per_trade: number above 0",
        ),
        ("correlation", {"analysis__portfolio_impact": ...}, "analysis.portfolio_impact: number from 0 to 1"),
        (
            "correlation",
            {"analysis__portfolio_impact": None},
            "analysis.portfolio_impact: number from 0 to 1",
        ),
        ("sentiment", {"analysis__confidence": "high"}, "analysis.confidence: number from 0 to 1"),
        (
            "momentum",
            {"enriched_at": "x", "analysis__confidence": 9, "schema_version": "0.1.0"},
            "schema_version: version 1.x.y",
        ),
    ],
    ids=str,
)
def test_an_invalid_enriched_signal_keeps_its_place_and_says_what_was_expected(
    agent: str, changes: Json, message: str
) -> None:
    taken = enriched_record(agent, **changes)
    signal = signal_of(INTAKE.read(taken))
    assert signal.error == SignalError("validation_error", message)
    assert (signal.corr_id, signal.agent, signal.offset) == (CORR_ID, agent, 7)
    assert signal.sha256 == hashlib.sha256(taken.value or b"").digest()
    assert signal.value is None
    assert signal.body is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"source": "elsewhere"}, "source: tradingview, custom or test"),
        ({"instrument": ...}, "instrument: text of 1 to 128 characters"),
        ({"instrument": ""}, "instrument: text of 1 to 128 characters"),
        ({"price": 0}, "price: number above 0"),
        ({"price": -1.5}, "price: number above 0"),
        ({"price": "1.0945"}, "price: number above 0"),
        ({"side": "close"}, "side: buy or sell, or null"),
        ({"strength": 1.01}, "strength: number from 0 to 1"),
        ({"timestamp": None}, "timestamp: RFC 3339 timestamp with offset"),
        ({"normalized_at": "2026-01-15"}, "normalized_at: RFC 3339 timestamp with offset"),
    ],
    ids=str,
)
def test_an_invalid_normalized_signal_is_dead_lettered_only(changes: Json, message: str) -> None:
    dead = dead_letter_of(INTAKE.read(record("signals.normalized", changed(NORMALIZED_BODY, **changes))))
    assert (dead.reason, dead.message, dead.corr_id) == ("validation_error", message, CORR_ID)


@pytest.mark.parametrize(
    "changes", [{"side": None}, {"side": ...}, {"strength": None}, {"strength": ...}], ids=str
)
def test_side_and_strength_of_a_normalized_signal_may_be_missing(changes: Json) -> None:
    assert signal_of(INTAKE.read(record("signals.normalized", changed(NORMALIZED_BODY, **changes)))).valid


GOOD = json.dumps(enriched("momentum")).encode()
DEEP = b'{"corr_id":"req_abc123","deep":' + b"[" * 100 + b"]" * 100 + b"}"


def with_field(value: bytes) -> bytes:
    return GOOD[:-1] + b',"more":' + value + b"}"


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
    intake._topics[topic] = intake._topics[topic]._replace(surely_valid=breaks)
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

"""The reference model against the text: what is a signal. Every expected figure was worked out by hand from the contracts."""

import pytest

from tests.faults.reference_time import milliseconds, time_text
from tests.faults.reference_validation import partition_of
from tests.pure.reference_samples import (
    CORR_ID,
    PARTITIONS,
    Record,
    complete,
    enriched,
    feed,
    model,
    normalized,
    only_outcome,
    pass_time,
    record,
)


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (record("signals.normalized", b"\xff{}"), "not_decodable"),
        (record("signals.normalized", b"[1]"), "not_decodable"),
        (record("signals.normalized", b'{"corr_id": "req_abc123", "x": NaN}'), "not_decodable"),
        (record("signals.normalized", b'{"corr_id": "req_abc123", "x": 1e999}'), "not_decodable"),
        (record("signals.normalized", {}, value=None), "not_decodable"),
        (record("signals.normalized", {"corr_id": "a b"}), "no_corr_id"),
        (record("signals.normalized", {"corr_id": "a" * 129}), "no_corr_id"),
        (record("signals.enriched.unheard", {"corr_id": CORR_ID}), "wrong_topic"),
        (enriched("momentum")._replace(topic="signals.enriched.risk"), "wrong_topic"),
        (enriched("momentum")._replace(key=None), "wrong_key"),
        (
            enriched("momentum")._replace(partition=(enriched("momentum").partition + 1) % PARTITIONS),
            "wrong_partition",
        ),
        (record("signals.normalized", b" " * (1024 * 1024 + 1)), "too_large"),
        (normalized(price=0), "validation_error"),
        (normalized(price=True), "validation_error"),
        (normalized(timestamp="2026-01-15T10:30:60Z"), "validation_error"),
        (normalized(source="elsewhere"), "validation_error"),
        (normalized(instrument=""), "validation_error"),
    ],
)
def test_a_record_that_opens_nothing_is_dead_lettered_with_its_reason(broken: Record, reason: str) -> None:
    judge = model()
    assert judge.feed(broken) == [("dead_letter", reason, broken.topic, broken.partition, broken.offset)]
    assert pass_time(judge, 10_000) == []


def test_an_invalid_enriched_signal_is_dead_lettered_and_has_reported() -> None:
    judge = model()
    events = feed(judge, complete(correlation={"portfolio_impact": 1.01}))
    assert [event[:2] for event in events[:1]] == [("dead_letter", "validation_error")]
    decision = only_outcome(events)[0]
    assert (decision["completed_by"], decision["missing_agents"]) == ("all_required", [])
    assert (decision["partial_data"], list(decision["invalid_agents"])) == (True, ["correlation"])


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("2026-01-15T10:30:00Z", "2026-01-15T10:30:00.000Z"),
        ("2026-01-15T12:30:00.9999+02:00", "2026-01-15T10:30:00.999Z"),
        ("0001-01-01T00:00:00.1Z", "0001-01-01T00:00:00.100Z"),
        ("0001-01-01T00:00:00+00:01", None),
        ("2026-01-15 10:30:00Z", None),
        ("2026-01-15T10:30:00", None),
        ("2026-02-29T10:30:00Z", None),
        ("2026-01-15T24:00:00Z", None),
    ],
)
def test_timestamps_are_written_in_utc_cut_at_milliseconds(text: str, written: str | None) -> None:
    ms = milliseconds(text)
    assert (None if ms is None else time_text(ms)) == written


def test_keys_sit_where_the_java_client_puts_them() -> None:
    # Figures of Kafka's own UtilsTest.testMurmur2, made positive.
    known = {b"21": -973932308, b"foobar": -790332482, b"a-little-bit-long-string": -985981536}
    for key, figure in known.items():
        assert partition_of(key, 2**31) == figure & 0x7FFFFFFF

"""The reference model against the text: one correlation. Every expected figure was worked out by hand from the contracts."""

import json

from tests.pure.reference_samples import (
    CORR_ID,
    DEFAULT,
    FX,
    START,
    complete,
    decided,
    enriched,
    feed,
    model,
    normalized,
    only_outcome,
    pass_time,
)


def test_the_order_in_which_records_are_read_does_not_show() -> None:
    first, momentum, correlation, risk = complete()
    # Risk last both times: once the three agents have been read, what comes after is late.
    forward = feed(model(), [first, momentum, correlation, risk])
    backward = feed(model(), [correlation, momentum, first, risk])
    assert forward[0][2] == backward[0][2]


def test_per_agent_the_last_in_log_order_counts() -> None:
    records = complete()
    again = enriched("momentum", 3.5, offset=1, confidence=0.9)
    same = enriched("momentum", 3.6, offset=2, confidence=0.9)
    decision, _, audit, _ = only_outcome(feed(model(), [*records[:3], again, same, records[3]]))
    assert decision["stages"][0]["result"]["quality_score"] == 0.9
    topic, place = "signals.enriched.momentum", records[0].partition
    assert audit["superseded"] == {
        "momentum": {
            "conflict": {"count": 1, "coordinates": [{"topic": topic, "partition": place, "offset": 0}]},
            "duplicate": {"count": 1, "coordinates": [{"topic": topic, "partition": place, "offset": 1}]},
        }
    }


def test_an_invalid_repeat_voids_risk_and_only_counts_for_the_others() -> None:
    bad_momentum = enriched("momentum", 2.5, offset=1, confidence=7)
    decision, _, audit, _ = only_outcome(feed(model(), [*complete()[:3], bad_momentum, complete()[3]]))
    assert (decision["action"], decision["invalid_agents"]) == ("trade", {})
    assert audit["metadata"]["error_count"] == 1

    bad_risk = enriched("risk", 2.5, offset=1, overall_score=7)
    records = [enriched("risk", 1), bad_risk, *complete()[:3]]
    decision, _, audit, _ = only_outcome(feed(model(), records))
    assert decision["reason"] == "no_risk_view"
    assert list(decision["invalid_agents"]) == ["risk"]
    assert audit["superseded"]["risk"]["voided"]["count"] == 1


def test_a_deadline_fires_once_when_a_later_time_has_passed() -> None:
    judge = model()
    assert feed(judge, [*complete()[:2], complete()[3]]) == []
    assert pass_time(judge, 300) == []
    decision, _, audit, _ = only_outcome(pass_time(judge, 300.001))
    assert pass_time(judge, 301) == []
    assert (decision["completed_by"], decision["orchestrated_at"]) == ("deadline", "2026-01-15T10:35:00.000Z")
    assert (decision["missing_agents"], decision["partial_data"]) == (["correlation"], True)
    # (0.4 × 0.82 + 0.4 × 0.35) / 0.8
    assert decision["confidence"] == 0.585
    # Exactly max_signal_age_sec old, which is not too old.
    assert (decision["action"], decision["stages"][3]["result"]["signal_age_sec"]) == ("trade", 300.0)
    assert audit["metadata"]["timeout_occurred"] is True


def test_a_record_at_the_deadline_counts_and_one_after_it_is_late() -> None:
    judge = model()
    last = complete()[3]
    assert feed(judge, complete()[:3]) == []
    assert (
        only_outcome(judge.feed(last._replace(timestamp=START + 300_000)))[0]["completed_by"]
        == "all_required"
    )

    judge = model()
    assert feed(judge, [*complete()[:3], last._replace(timestamp=START + 300_001)]) == []
    outcome, late = pass_time(judge, 301)
    assert json.loads(outcome[2])["missing_agents"] == ["risk"]
    assert late == ("late", CORR_ID, "after_deadline", "signals.enriched.risk", last.partition, 0)


def test_after_the_outcome_each_late_signal_has_its_reason() -> None:
    judge = model()
    feed(judge, complete())
    reasons = [
        event[2]
        for event in feed(
            judge,
            [
                enriched("sentiment", 4.12),
                enriched("sentiment", 4.121, offset=1),
                enriched("risk", 5, offset=1),
                enriched("risk", 6, offset=2, overall_score=0.1),
                normalized(7, offset=1),
            ],
        )
    ]
    assert reasons == ["read_late", "after_outcome", "duplicate", "conflict", "duplicate"]
    invalid = enriched("sentiment", 8, offset=2, confidence=-1)
    assert [event[0] for event in judge.feed(invalid)] == ["dead_letter"]


def test_the_marker_holds_to_its_last_millisecond_and_then_opens_anew() -> None:
    judge = model()
    first = only_outcome(feed(judge, complete()))[0]
    # The marker stands until 4.12 s + 3600 s, inclusive.
    assert judge.feed(enriched("risk", 3604.12, offset=1))[0][:3] == ("late", CORR_ID, "duplicate")
    assert judge.feed(enriched("risk", 3604.121, offset=2)) == []
    again = [r._replace(timestamp=START + 3_605_000, offset=9) for r in complete()[:3]]
    second = only_outcome(feed(judge, again))[0]
    assert second["decision_id"] == first["decision_id"]
    assert second["orchestrated_at"] != first["orchestrated_at"]


def test_of_late_signals_a_hundred_are_written() -> None:
    judge = model()
    feed(judge, complete())
    kinds = [judge.feed(enriched("macro", 5, offset=n))[0][0] for n in range(102)]
    assert (kinds.count("late"), kinds.count("late_only_counted")) == (100, 2)


def test_the_instrument_chooses_the_workflow_again_at_each_record() -> None:
    judge = model(FX, DEFAULT)
    assert judge.feed(enriched("risk", 0)) == []
    decision = only_outcome(judge.feed(enriched("momentum", 1)))[0]
    assert (decision["workflow"], decision["confidence"]) == ("fx", 0.585)


def test_an_agent_of_another_workflow_is_audited_and_does_not_contribute() -> None:
    judge = model(FX, DEFAULT)
    records = [enriched("sentiment", 0), enriched("risk", 0), enriched("momentum", 1)]
    decision, _, audit, _ = only_outcome(feed(judge, records))
    assert decision["available_agents"] == ["momentum", "risk"]
    assert sorted(audit["input_signals"]) == ["momentum", "risk", "sentiment"]


def test_the_decision_can_be_had_again_from_the_records_and_the_cut() -> None:
    judge = model()
    events = feed(judge, [*complete(), enriched("sentiment", 1)])
    assert (
        judge.decision_for([enriched("sentiment", 1, offset=5), *complete()], events[0][4]["read_to"])
        == events[0][2]
    )
    assert judge.decision_for([enriched("sentiment", 1), *complete()]) != events[0][2]


def test_momentum_is_asked_for_the_source_signal_before_the_others() -> None:
    correlation = enriched("correlation", 1)
    body = json.loads(correlation.value or b"") | {"source_signal": {"instrument": "EURUSD", "price": 9}}
    correlation = correlation._replace(value=json.dumps(body).encode())
    decision = decided(correlation, enriched("momentum", 1), enriched("risk", 1))
    assert decision["source_signal"]["price"] == 1.0945
    broken = enriched("momentum", 1, confidence=None)
    assert decided(correlation, broken, enriched("risk", 1))["source_signal"]["price"] == 9.0

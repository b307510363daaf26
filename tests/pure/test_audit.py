"""The audit record: enough to check an outcome, and to take the same cut again."""

from typing import Any

import msgspec
import pytest

from orchestration.audit import audit_record
from orchestration.canonical import canonical_json
from orchestration.decision import decide
from orchestration.ids import decision_id
from orchestration.inputs import Inputs, Superseded
from orchestration.messages.audit import AuditRecord
from tests.pure import builders
from tests.pure.builders import VERSION, default_workflow, enriched, error, inputs, momentum, normalized, risk


def record(given: Inputs, read_to: dict[str, int] | None = None) -> tuple[bytes, dict[str, Any]]:
    value = canonical_json(audit_record(decide(given, VERSION), read_to or {}))
    AuditRecord.model_validate_json(value)
    return value, msgspec.json.decode(value)


def test_the_record_of_a_good_trade() -> None:
    given = inputs()
    _, audit = record(given, {"signals.normalized": 4, "signals.enriched.risk": 2})
    assert list(audit) == list(AuditRecord.model_fields)
    assert audit["timestamp"] == "2026-01-15T10:30:04.120Z"
    assert audit["orchestrator_version"] == "1.2.3"
    assert list(audit["input_signals"]) == ["correlation", "momentum", "risk"]
    assert audit["input_signals"]["momentum"] == {
        "agent_version": "1.0.0",
        "confidence": 0.82,
        "timestamp": "2026-01-15T10:30:01.500Z",
        "sha256": given.used["momentum"].sha256.hex(),
        "topic": "signals.enriched.momentum",
        "partition": 3,
        "offset": 0,
    }
    assert audit["input_signals"]["risk"]["confidence"] is None
    assert audit["source_signal"]["topic"] == "signals.normalized"
    assert audit["source_signal"]["timestamp"] == "2026-01-15T10:30:00.050Z"
    assert (audit["errors"], audit["superseded"]) == ({}, {})
    assert list(audit["read_to"].items()) == [("signals.enriched.risk", 2), ("signals.normalized", 4)]
    assert audit["metadata"] == {
        "processing_time_ms": 4_020,
        "orchestration_pattern": "fan_in",
        "timeout_occurred": False,
        "error_count": 0,
    }


def test_the_decision_inside_is_byte_for_byte_the_one_that_was_sent() -> None:
    given = inputs(momentum(), risk(position_sizing={"recommended_size": 1e20}), start=normalized())
    outcome = decide(given, VERSION)
    assert b'"position_size":100000000000000000000.0' in outcome.value
    assert b'"decision":' + outcome.value + b',"errors":' in canonical_json(audit_record(outcome, {}))


def test_anyone_can_verify_the_decision_id_from_the_record() -> None:
    given = inputs()
    _, audit = record(given)
    digest = audit["decision"]["workflow_digest"]
    assert audit["decision_id"] == decision_id(audit["corr_id"], digest, given.used, given.normalized)
    assert audit["decision_id"] == audit["decision"]["decision_id"]


def test_without_a_normalized_signal_there_is_no_source_record() -> None:
    assert record(inputs(momentum(), risk()))[1]["source_signal"] is None


def test_what_a_normalized_signal_says_of_an_agent_is_not_taken_for_one() -> None:
    start = normalized(agent_version="9", analysis={"confidence": 0.9})
    source = record(inputs(momentum(), risk(), start=start))[1]["source_signal"]
    assert (source["agent_version"], source["confidence"]) == (None, None)


def test_signals_of_agents_that_the_workflow_does_not_name_are_listed_as_read() -> None:
    _, audit = record(
        inputs(momentum(), risk(), enriched("astrology", {"confidence": 0.3}), start=normalized())
    )
    assert list(audit["input_signals"]) == ["astrology", "momentum", "risk"]
    assert audit["decision"]["contributing_agents"] == ["momentum", "risk"]


def test_errors_are_the_decisions_invalid_agents() -> None:
    _, audit = record(inputs(momentum(), errors={"risk": error()}, error_count=3, completed_by="deadline"))
    assert (
        audit["errors"]
        == audit["decision"]["invalid_agents"]
        == {"risk": {"type": "validation_error", "message": "analysis.overall_score: number from 0 to 1"}}
    )
    assert audit["metadata"]["error_count"] == 3
    assert audit["metadata"]["timeout_occurred"] is True


def test_repeats_are_counted_by_agent_and_reason_with_their_first_64_places() -> None:
    repeats = [
        Superseded(momentum(envelope={"offset": offset, "timestamp": builders.START + offset}), "duplicate")
        for offset in reversed(range(70))
    ]
    repeats += [
        Superseded(momentum(envelope={"offset": 99}), "conflict"),
        Superseded(normalized(offset=5), "conflict"),
    ]
    _, audit = record(inputs(momentum(), risk(), start=normalized(), superseded=tuple(repeats)))
    assert list(audit["superseded"]) == ["momentum", "normalized"]
    assert list(audit["superseded"]["momentum"]) == ["conflict", "duplicate"]
    duplicates = audit["superseded"]["momentum"]["duplicate"]
    assert duplicates["count"] == 70
    assert [place["offset"] for place in duplicates["coordinates"]] == list(range(64))
    assert audit["superseded"]["normalized"]["conflict"] == {
        "count": 1,
        "coordinates": [{"topic": "signals.normalized", "partition": 3, "offset": 5}],
    }


FOREX = [momentum(momentum_strength=0.9), risk()]
RENAMED = default_workflow(routes=[{"name": "always", "action": "monitor"}])


@pytest.mark.parametrize(
    ("given", "pattern"),
    [
        (inputs(momentum(), start=normalized()), "fan_in"),
        (inputs(momentum(), risk(risk_level="blocked"), start=normalized()), "sequential"),
        (inputs(momentum(), enriched("macro", {}), start=normalized()), "sequential"),
        (inputs(momentum(), risk(overall_score=0.9), start=normalized()), "sequential"),
        (inputs(*FOREX, start=normalized(side=None)), "sequential"),
        (inputs(*FOREX, start=normalized()), "conditional_routing"),
        (inputs(momentum(), risk(), start=normalized()), "fan_in"),
        (inputs(momentum(momentum_strength=0.1), risk(), start=normalized()), "fan_in"),
        (inputs(momentum(), risk(), start=normalized(), workflow=RENAMED), "conditional_routing"),
    ],
    ids=["too few", "blocked", "no risk", "stage", "no side", "forex", "default", "withheld", "renamed"],
)
def test_the_pattern_tells_which_way_the_decision_was_made(given: Inputs, pattern: str) -> None:
    assert record(given)[1]["metadata"]["orchestration_pattern"] == pattern

"""The four stages: where each stops, at which boundary, and what it says when it passes (contracts §5)."""

from typing import Any

import msgspec
import pytest

from orchestration.canonical import canonical_json
from orchestration.payload import payload_of
from orchestration.signal import Signal
from orchestration.source import SourceSignal, source_signal
from orchestration.stages import Staged, StagesRun, planned_stages, run_stages
from orchestration.timestamps import parse_timestamp
from orchestration.workflow import Stages
from tests.pure.builders import DECIDED, START, by_agent, correlation, enriched, momentum, normalized, risk

SOURCE = source_signal(normalized(), {})


def run(
    *signals: Signal,
    source: SourceSignal | None = SOURCE,
    multiplier: float = 1.0,
    first_seen: int = START + 100,
    orchestrated_at: int = DECIDED,
    limits: dict[str, Any] | None = None,
) -> StagesRun:
    given = by_agent(*(signals or (momentum(), risk(), correlation())))
    enriched_at = max(parse_timestamp(payload_of(signal).enriched_at) for signal in given.values())
    return run_stages(
        planned_stages(Stages.model_validate(limits or {})),
        Staged(
            given,
            enriched_at,
            source,
            multiplier,
            first_seen,
            orchestrated_at,
        ),
    )


def records(result: StagesRun) -> list[Any]:
    """As they stand in a decision."""
    made: list[Any] = msgspec.json.decode(canonical_json(result.records))
    return made


def stopped(result: StagesRun) -> tuple[str, str] | None:
    """Stage and reason where a stage stopped."""
    last = records(result)[-1]
    if not last["stopped"]:
        assert result.stopped is None
        return None
    assert last["result"] == {"stop_workflow": True, "reason": result.stopped}
    return last["name"], last["result"]["reason"]


def test_all_four_pass_in_order_and_tell_their_results() -> None:
    assert records(run()) == [
        {
            "stage": 0,
            "name": "validation",
            "stopped": False,
            "result": {"quality_score": 0.82, "validated": True},
        },
        {
            "stage": 1,
            "name": "risk_check",
            "stopped": False,
            "result": {"risk_factors": {"overall_risk": 0.4}, "risk_approved": True},
        },
        {
            "stage": 2,
            "name": "position_sizing",
            "stopped": False,
            "result": {"base_size": 7500.0, "position_size": 7500.0},
        },
        {
            "stage": 3,
            "name": "execution_timing",
            "stopped": False,
            "result": {"signal_age_sec": 4.02, "valid_until": "2026-01-15T10:35:00.100Z"},
        },
    ]


def test_the_first_stage_that_stops_is_the_last_that_runs() -> None:
    result = run(momentum(confidence=0.1), risk(overall_score=0.9))
    assert [record["name"] for record in records(result)] == ["validation"]


@pytest.mark.parametrize(
    ("confidences", "quality"),
    [
        ([0.6, 0.6, 0.6], 0.6),
        ([0.7, 0.5, 0.6], 0.6),
        ([0.1, 0.7, 1.0], 0.6),
        ([0.6, None, None], 0.6),
        ([1.0, 0.2, None], 0.6),
        ([0.599999999999, None, None], None),
        ([0.5, 0.69, 0.6], None),
    ],
    ids=str,
)
def test_quality_is_the_mean_of_the_reported_confidences_and_0_6_passes(
    confidences: list[float | None], quality: float | None
) -> None:
    first, second, third = confidences
    result = run(momentum(confidence=first), risk(confidence=second), correlation(confidence=third))
    if quality is None:
        assert stopped(result) == ("validation", "poor_signal_quality")
    else:
        assert records(result)[0]["result"] == {"quality_score": quality, "validated": True}


def test_quality_is_full_where_nobody_reports_a_confidence() -> None:
    assert records(run(risk(), correlation()))[0]["result"]["quality_score"] == 1.0


@pytest.mark.parametrize(
    ("signals", "reason"),
    [
        ([risk(risk_level="blocked", overall_score=0.9)], "risk_blocked"),
        ([momentum(), correlation()], "no_risk_view"),
        ([risk(overall_score=0.800001)], "excessive_risk"),
        ([risk(overall_score=1)], "excessive_risk"),
        ([risk(overall_score=0.8)], None),
        ([risk(risk_level=None)], None),
        ([risk(risk_level="high")], None),
    ],
    ids=["blocked", "no risk", "over the limit", "worst", "at the limit", "no level", "high level"],
)
def test_the_risk_check_stops_on_a_no_on_silence_and_above_the_limit(
    signals: list[Signal], reason: str | None
) -> None:
    assert stopped(run(*signals)) == (None if reason is None else ("risk_check", reason))


def test_risk_factors_are_listed_where_they_are_numbers() -> None:
    result = run(
        risk(
            overall_score=0.3,
            exposure_analysis={"current_exposure_pct": 12, "correlation_risk": "high"},
            volatility_metrics={"current_vol_estimate": 0.2, "vol_percentile": None, "other": 5},
        )
    )
    assert list(records(result)[1]["result"]["risk_factors"].items()) == [
        ("overall_risk", 0.3),
        ("current_exposure_pct", 12.0),
        ("current_vol_estimate", 0.2),
    ]


@pytest.mark.parametrize("odd", [5, "text", [], None, True], ids=repr)
def test_sections_of_another_shape_give_no_risk_factors(odd: Any) -> None:
    result = run(risk(exposure_analysis=odd, volatility_metrics=odd))
    assert records(result)[1]["result"]["risk_factors"] == {"overall_risk": 0.4}


@pytest.mark.parametrize(
    ("sizing", "multiplier", "size"),
    [
        ({"recommended_size": 7500}, 1.0, 7500.0),
        ({"recommended_size": 7500}, 0.5, 3750.0),
        ({"recommended_size": 7500, "max_position_size": 5000}, 1.0, 5000.0),
        ({"recommended_size": 7500, "max_position_size": 5000}, 0.5, 3750.0),
        ({"recommended_size": 7500, "max_position_size": None}, 2.0, 15000.0),
        ({"recommended_size": 1e-12}, 1.0, b"0.000000000001"),
        ({"recommended_size": 0}, 1.0, None),
        ({"recommended_size": None}, 1.0, None),
        ({"max_position_size": 5000}, 1.0, None),
        ({"recommended_size": 7500, "max_position_size": 0}, 1.0, None),
        ({"recommended_size": 1e-13}, 1.0, None),
        ({}, 1.0, None),
        (None, 1.0, None),
    ],
    ids=str,
)
def test_the_size_is_recommended_times_multiplier_up_to_the_cap_and_never_0(
    sizing: Any, multiplier: float, size: float | bytes | None
) -> None:
    result = run(risk(position_sizing=sizing), multiplier=multiplier)
    if size is None:
        assert stopped(result) == ("position_sizing", "no_position_size")
    else:
        assert result.size is not None
        found = result.size.position_size
        assert found == size or (isinstance(found, msgspec.Raw) and bytes(found) == size)


@pytest.mark.parametrize(
    "source", [None, SourceSignal(timestamp=START), SourceSignal(price=1e-13, timestamp=START)], ids=str
)
def test_without_a_price_above_0_as_it_would_be_written_nothing_is_sized(source: SourceSignal | None) -> None:
    assert stopped(run(source=source)) == ("position_sizing", "no_price")


def test_a_size_that_no_number_can_hold_is_the_stages_error_and_stops() -> None:
    result = run(risk(position_sizing={"recommended_size": 1.7e308}), multiplier=10)
    assert result.stopped == "stage_error"
    assert records(result)[-1] == {
        "stage": 2,
        "name": "position_sizing",
        "stopped": True,
        "error": {"type": "OverflowError", "message": "position_size: finite number"},
    }


@pytest.mark.parametrize(
    ("source_age_ms", "waited_ms", "age"),
    [
        (1_000, 4_000, 4.0),
        (5_000, 4_000, 5.0),
        (300_000, 0, 300.0),
        (0, 300_000, 300.0),
        (-60_000, 0, 0.0),
        (300_001, 0, None),
        (0, 300_001, None),
        (-60_001, 0, None),
        # The larger age is never negative: a source from the future must not hide behind a long wait.
        (-60_001, 10_000, None),
    ],
)
def test_a_signal_is_stale_above_300_seconds_and_more_than_60_ahead(
    source_age_ms: int, waited_ms: int, age: float | None
) -> None:
    source = SourceSignal(price=1.0, timestamp=START)
    result = run(
        risk(envelope={"enriched_at": START + source_age_ms}),
        correlation(envelope={"enriched_at": START - 70_000}),
        source=source,
        first_seen=START,
        orchestrated_at=START + waited_ms,
    )
    if age is None:
        assert stopped(result) == ("execution_timing", "stale_signal")
    else:
        assert result.timing is not None
        assert result.timing.signal_age_sec == age
        assert parse_timestamp(result.timing.valid_until) == START + waited_ms + 300_000 - round(age * 1000)


def test_a_signal_of_unknown_time_is_stale() -> None:
    assert stopped(run(source=SourceSignal(price=1.0))) == ("execution_timing", "stale_signal")


def test_a_time_that_cannot_be_written_is_the_stages_error() -> None:
    end = parse_timestamp("9999-12-31T23:59:59.000Z")
    result = run(first_seen=end, orchestrated_at=end)
    assert result.stopped == "stage_error"
    assert records(result)[-1]["error"] == {
        "type": "ValueError",
        "message": "execution_timing: could not be computed",
    }


def test_limits_are_the_workflows_and_a_stage_that_is_left_out_keeps_the_others_numbers() -> None:
    limits = {"validation": None, "risk_check": {"maximum_overall_risk": 0.3}}
    result = run(momentum(confidence=0.1), risk(overall_score=0.31), limits=limits)
    assert stopped(result) == ("risk_check", "excessive_risk")
    assert [record["stage"] for record in records(result)] == [1]
    assert stopped(run(limits={"execution_timing": {"max_signal_age_sec": 4.019}})) == (
        "execution_timing",
        "stale_signal",
    )
    assert stopped(run(limits={"validation": {"minimum_quality": 0.83}})) == (
        "validation",
        "poor_signal_quality",
    )


def test_agents_of_any_name_count_for_quality() -> None:
    result = run(momentum(confidence=0.8), enriched("sentiment", {"confidence": 0.2}), risk())
    assert stopped(result) == ("validation", "poor_signal_quality")

"""The fold, one accident at a time. What holds always stands in test_core_properties.py."""

from collections.abc import Iterable
from typing import Any

from orchestration.correlation import (
    RECORD_OVERHEAD_BYTES,
    ROW_LIMIT_BYTES,
    Context,
    Event,
    Happening,
    TimePassed,
    Together,
    TooLarge,
    fold,
)
from orchestration.late import LateSignal
from orchestration.outcome import Outcome
from orchestration.rows import Collecting, Orchestrated, Row
from orchestration.signal import Signal
from orchestration.workflows import Workflows
from tests.pure import builders
from tests.pure.builders import START, VERSION, default_workflow, enriched

TTL_SEC = 1000
SECOND = 1000
QUICK = default_workflow(
    name="quick",
    match=[{"field": "instrument", "op": "eq", "value": "SPY"}],
    required_agents=["momentum"],
    optional_agents=["risk", "correlation"],
    timeout_sec=1,
)
DEFAULT = Context(builders.workflows(), TTL_SEC, VERSION)
WITH_QUICK = Context(Workflows((QUICK, default_workflow())), TTL_SEC, VERSION)
FOR_EVER = TimePassed(START + 10**12)


def at(second: float, agent: str, offset: int = 0, **more: Any) -> Signal:
    """A valid signal of the agent, read with this offset and a time ``second`` after ``START``."""
    analysis = {"momentum": builders.MOMENTUM, "risk": builders.RISK, "correlation": builders.CORRELATION}
    given = {"offset": offset, "timestamp": START + round(second * SECOND), "source": None, **more}
    return enriched(agent, analysis.get(agent, {}), **given)


def invalid(second: float, agent: str, offset: int = 0) -> Signal:
    valid = at(second, agent, offset)
    where = (valid.corr_id, agent, valid.topic, valid.partition, offset, valid.timestamp)
    return Signal(*where, None, valid.sha256, error=builders.error())


def folded(
    *events: Event, row: Row | None = None, context: Context = DEFAULT
) -> tuple[Row | None, list[Happening]]:
    happenings: list[Happening] = []
    for event in events:
        row, more = fold(row, event, context)
        happenings.extend(more)
    return row, happenings


def late(happenings: Iterable[Happening]) -> list[tuple[str, int, str]]:
    return [(h.signal.agent, h.signal.offset, h.reason) for h in happenings if isinstance(h, LateSignal)]


def outcomes(happenings: Iterable[Happening]) -> list[Outcome]:
    return [happening for happening in happenings if isinstance(happening, Outcome)]


def test_the_last_required_agent_completes_the_correlation() -> None:
    row, happenings = folded(at(0, "momentum"), at(1, "risk"))
    assert isinstance(row, Collecting)
    assert (row.deadline, happenings) == (START + 300 * SECOND, [])
    row, happenings = folded(at(2, "correlation"), row=row)
    assert isinstance(row, Orchestrated)
    assert row.expires == START + 1002 * SECOND
    assert [outcome.inputs.completed_by for outcome in outcomes(happenings)] == ["all_required"]


def test_the_deadline_fires_when_time_is_later_and_not_before() -> None:
    row, _ = folded(at(0, "momentum"))
    row, happenings = folded(TimePassed(START + 300 * SECOND), row=row)
    assert (isinstance(row, Collecting), happenings) == (True, [])
    _, happenings = folded(TimePassed(START + 300 * SECOND + 1), row=row)
    assert [outcome.inputs.completed_by for outcome in outcomes(happenings)] == ["deadline"]


def test_an_invalid_risk_signal_voids_the_valid_ones_before_it_and_none_behind_it() -> None:
    risks = [at(0, "risk", 0), invalid(1, "risk", 1), at(2, "risk", 2), at(3, "risk", 3)]
    _, happenings = folded(at(0, "momentum"), *risks, at(4, "correlation"))
    inputs = outcomes(happenings)[0].inputs
    assert (inputs.used["risk"].offset, dict(inputs.errors), inputs.error_count) == (3, {}, 1)
    assert [(repeat.signal.offset, repeat.reason) for repeat in inputs.superseded] == [
        (0, "voided"),
        (2, "duplicate"),
    ]


def test_records_that_wait_past_the_deadline_are_all_late_whatever_their_order_in_the_log() -> None:
    """In the order of time they are late; the offset of the first must not make the second look as if read before."""
    row, happenings = folded(
        at(0, "momentum"), at(302, "risk", 0), at(301, "risk", 1), at(300.5, "momentum", 1), FOR_EVER
    )
    assert late(happenings) == [
        ("momentum", 1, "duplicate"),
        ("risk", 1, "after_deadline"),
        ("risk", 0, "after_deadline"),
    ]
    assert isinstance(row, Orchestrated)
    assert row.reported["risk"].offset == 1
    assert row.late == 3


def test_a_waiting_record_that_stands_before_the_used_one_in_the_log_is_late_not_lost() -> None:
    _, happenings = folded(at(301, "risk", 0), at(1, "risk", 1), at(0, "momentum"), FOR_EVER)
    assert outcomes(happenings)[0].inputs.used["risk"].offset == 1
    assert late(happenings) == [("risk", 0, "duplicate")]


def test_a_waiting_record_that_is_read_again_is_not_late_twice() -> None:
    waiting = at(301, "risk", 5)
    row, _ = folded(at(0, "momentum"), waiting, FOR_EVER)
    again, happenings = folded(waiting, row=row)
    assert (again, happenings) == (row, [])


def test_a_late_record_that_is_read_again_after_the_next_outcome_is_known() -> None:
    """Its offset has to pass from marker to marker, and none of the records behind the second says it."""
    tardy = at(5, "macro", 7)
    complete = (at(0, "momentum"), at(0, "risk"), at(0, "correlation"))
    anew = [at(2000, agent, 1) for agent in ("momentum", "risk", "correlation")]
    row, happenings = folded(*complete, tardy, *anew)
    assert (len(outcomes(happenings)), late(happenings)) == (2, [("macro", 7, "after_outcome")])
    again, happenings = folded(tardy, row=row)
    assert (again, happenings) == (row, [])


def test_what_was_late_for_the_first_outcome_is_not_late_for_the_second_when_it_is_read_again() -> None:
    """It stands in the log behind the record of its agent that opened the next correlation."""
    complete = (at(0, "momentum"), at(0, "risk"), at(0, "correlation"))
    opening, tardy = at(1001, "momentum", 1), at(5, "momentum", 2)
    row, happenings = folded(*complete, opening, tardy, FOR_EVER)
    assert (len(outcomes(happenings)), late(happenings)) == (2, [("momentum", 2, "duplicate")])
    again, happenings = folded(opening, tardy, row=row)
    assert (again, happenings) == (row, [])


def test_records_past_the_marker_open_together_and_may_be_decided_in_the_same_sweep() -> None:
    events = [at(0, "momentum"), at(1400, "risk", 0), at(1301, "momentum", 1), at(1299, "risk", 1)]
    row, happenings = folded(*events, FOR_EVER)
    first, second = outcomes(happenings)
    assert (first.inputs.orchestrated_at, second.inputs.orchestrated_at) == (
        START + 300 * SECOND,
        START + 1601 * SECOND,
    )
    assert second.inputs.first_seen == START + 1301 * SECOND
    assert late(happenings) == [("risk", 1, "after_deadline")]
    assert isinstance(row, Orchestrated)


def test_a_record_that_waits_with_the_markers_last_millisecond_is_late_and_opens_nothing() -> None:
    row, happenings = folded(at(0, "momentum"), at(1300, "risk", 0), FOR_EVER)
    assert (len(outcomes(happenings)), late(happenings)) == (1, [("risk", 0, "after_deadline")])
    assert isinstance(row, Orchestrated)
    assert row.expires == START + 1300 * SECOND


def test_the_marker_outlives_the_sweep_that_made_it() -> None:
    """Deleted in the same stretch, it would let records that are read again after a crash decide a second time."""
    row, _ = folded(at(0, "momentum"), FOR_EVER)
    assert isinstance(row, Orchestrated)
    assert row.expires < FOR_EVER.time
    assert folded(FOR_EVER, row=row) == (None, [])


def test_up_to_the_markers_end_a_record_is_late_for_it_though_the_next_correlation_is_open() -> None:
    complete = (at(0, "momentum"), at(0, "risk"), at(0, "correlation"))
    row, _ = folded(*complete, at(1000.001, "risk", 1))
    assert isinstance(row, Collecting)
    assert row.first_seen == START + 1_000_001
    row, happenings = folded(at(1000, "momentum", 1), row=row)
    assert late(happenings) == [("momentum", 1, "duplicate")]
    assert isinstance(row, Collecting)
    assert [signal.agent for signal in row.signals] == ["risk"]
    assert row.previous is not None
    assert row.previous.late == 1


def test_a_record_that_reveals_a_workflow_whose_deadline_has_passed_times_it_out_with_that_record() -> None:
    """At the passed deadline itself the record would not be counted, and the workflow would be another again."""
    revealing = at(10, "correlation", source={"instrument": "SPY"})
    row, happenings = folded(at(0, "risk"), revealing, context=WITH_QUICK)
    assert isinstance(row, Collecting)
    assert (row.workflow, row.deadline, happenings) == ("quick", START + 10 * SECOND, [])
    _, happenings = folded(TimePassed(START + 10_001), row=row, context=WITH_QUICK)
    (outcome,) = outcomes(happenings)
    assert (outcome.inputs.workflow.name, outcome.inputs.orchestrated_at) == ("quick", START + 10 * SECOND)
    assert sorted(outcome.inputs.used) == ["correlation", "risk"]


def test_a_changed_workflows_file_gives_open_rows_their_new_deadline() -> None:
    row, _ = folded(at(0, "momentum", source={"instrument": "SPY"}), at(1, "risk"), at(2, "macro"))
    assert isinstance(row, Collecting)
    slower = Context(builders.workflows(default_workflow(timeout_sec=600)), TTL_SEC, VERSION)
    for event in (TimePassed(START + 301 * SECOND), at(3, "sentiment")):
        later, happenings = folded(event, row=row, context=slower)
        assert isinstance(later, Collecting)
        assert (later.deadline, happenings) == (START + 600 * SECOND, [])
    row, happenings = folded(at(3, "correlation"), row=row, context=WITH_QUICK)
    (outcome,) = outcomes(happenings)
    assert (outcome.inputs.workflow.name, outcome.inputs.orchestrated_at) == ("quick", START)


def test_what_would_make_the_row_too_large_is_refused_and_the_row_stays() -> None:
    row, _ = folded(at(0, "momentum"))
    assert isinstance(row, Collecting)
    before_size = (
        row.corr_id,
        row.signals,
        row.first_seen,
        row.last_update,
        row.deadline,
        row.workflow,
        row.rules,
    )
    row = Collecting(*before_size, size=ROW_LIMIT_BYTES - 400)
    large = at(1, "risk")
    assert large.value is not None
    assert len(large.value) + RECORD_OVERHEAD_BYTES > 400
    same, happenings = folded(large, row=row)
    assert same is row
    assert happenings == [TooLarge(large)]
    small, happenings = folded(invalid(1, "risk"), row=row)
    assert isinstance(small, Collecting)
    assert small.size == row.size + RECORD_OVERHEAD_BYTES
    # An invalid one without room has its dead letter already, for being invalid.
    again, happenings = folded(invalid(2, "risk", 1), row=small)
    assert again is small
    assert happenings == []


def test_of_late_signals_a_hundred_are_written_and_the_rest_is_counted() -> None:
    row, happenings = folded(
        at(0, "momentum"), at(0, "risk"), at(0, "correlation"), *(at(5, "macro", n) for n in range(102))
    )
    written = [happening.written for happening in happenings if isinstance(happening, LateSignal)]
    assert written == [True] * 100 + [False] * 2
    assert isinstance(row, Orchestrated)
    assert row.late == 102


def test_records_of_a_cut_are_taken_together_before_anything_is_decided() -> None:
    """Read one by one in this order, the optional agent's signal would have been too late."""
    cut = [at(2, "correlation"), at(1, "risk"), at(0, "momentum"), at(2, "sentiment")]
    _, happenings = folded(Together(cut))
    assert sorted(outcomes(happenings)[0].inputs.used) == ["correlation", "momentum", "risk", "sentiment"]
    _, happenings = folded(*cut)
    assert late(happenings) == [("sentiment", 0, "read_late")]

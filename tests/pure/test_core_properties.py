"""What holds for every correlation, whatever is read in whatever order."""

import json
from collections import Counter
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.correlation import TimePassed as Passed
from orchestration.correlation import fold
from orchestration.dead_letter import DeadLetter
from orchestration.processor import Effects
from orchestration.progress import progress
from orchestration.record import LogRecord
from orchestration.rows import Collecting, Row
from orchestration.signal import Signal
from orchestration.table import MemoryTable
from tables.codec import encode_row
from tests.pure.correlation_strategies import PARTITION, TOPICS, Scenario, TimePassed, scenarios
from tests.pure.running import (
    THE_END,
    audits,
    context,
    finished,
    in_partition,
    intake,
    place,
    processor,
    run,
    signals_of,
)
from tests.pure.workflow_sets import workflow_set


@given(scenarios(time_passes=False), st.data())
def test_a_duplicate_before_the_outcome_shows_in_superseded_alone(
    scenario: Scenario, data: st.DataObject
) -> None:
    taken = [record for record in in_partition(scenario) if record.topic in TOPICS]
    effects = run(scenario.workflow_set, [*taken, THE_END])
    if not effects.outcomes:
        return
    first, audit = effects.outcomes[0], audits(effects)[0]
    up_to = first.inputs.orchestrated_at
    originals = [
        index
        for index, record in enumerate(read_before_any_outcome(scenario, taken))
        if record.timestamp <= up_to
        and any(signal.valid for signal in signals_of(scenario, [record], first.inputs.corr_id))
    ]
    if not originals:
        return
    repeated = data.draw(st.sets(st.sampled_from(originals), min_size=1))
    again: list[LogRecord] = []
    for index, record in enumerate(taken):
        again.append(record)
        if index in repeated:
            again.append(record._replace(timestamp=data.draw(st.integers(record.timestamp, up_to))))
    ends: Counter[str] = Counter()
    for index, record in enumerate(again):
        again[index] = record._replace(offset=ends[record.topic])
        ends[record.topic] += 1
    with_repeats = run(scenario.workflow_set, [*again, THE_END])

    assert with_repeats.outcomes[0].value == first.value
    assert with_repeats.outcomes[0].order == first.order
    then = audits(with_repeats)[0]
    counts = [entry["count"] for reasons in then["superseded"].values() for entry in reasons.values()]
    counts_before = [entry["count"] for reasons in audit["superseded"].values() for entry in reasons.values()]
    assert sum(counts) == sum(counts_before) + len(repeated)
    for one in (audit, then):
        del one["superseded"], one["read_to"]
        for used in (*one["input_signals"].values(), one["source_signal"] or {"offset": 0}):
            del used["offset"]
    assert then == audit


def read_before_any_outcome(scenario: Scenario, taken: list[LogRecord]) -> list[LogRecord]:
    """Without the record that completes a correlation: a repeat of that one comes too late."""
    one, effects = processor(scenario.workflow_set), Effects()
    for index, record in enumerate(taken):
        one.take((record,), effects)
        if effects.outcomes:
            return taken[:index]
    return taken


@given(scenarios())
def test_one_route_and_at_most_one_executable_message(scenario: Scenario) -> None:
    chosen = scenario.workflow_set
    effects = run(chosen, finished(scenario))
    by_outcome: Counter[tuple[bytes | None, bytes | None]] = Counter()
    for message in effects.messages:
        if message.topic.startswith("execution"):
            by_outcome[message.key, dict(message.headers)["decision_id"]] += 1
    orders = sum(by_outcome.values())
    assert orders == sum(1 for outcome in effects.outcomes if outcome.order is not None)
    for outcome in effects.outcomes:
        decision = json.loads(outcome.value)
        routes = [route.name for route in chosen.workflows.named(decision["workflow"]).routes]
        precedence = outcome.trace.verdict.precedence
        assert (decision["route"] in routes) is (precedence > 1)
        assert (decision["route"] is None) is (precedence == 1)
        trades = decision["action"] in ("trade", "trade_with_caution")
        assert (outcome.order is not None) is trades
        assert (decision["execution_topic"] is not None) is trades
        assert not trades or precedence == 6


@given(scenarios())
def test_contributions_sum_to_the_confidence(scenario: Scenario) -> None:
    for outcome in run(scenario.workflow_set, finished(scenario)).outcomes:
        aggregate = outcome.trace.aggregate
        decision = json.loads(outcome.value)
        parts = {
            one["agent_name"]: one["contribution"]
            for one in decision["contributing_signals"]
            if one["contribution"] is not None
        }
        assert set(parts) == set(aggregate.contributions)
        if aggregate.confidence is None:
            assert not parts
            assert decision["confidence"] is None
        else:
            assert sum(aggregate.contributions.values()) == pytest.approx(aggregate.confidence, abs=1e-9)
            assert sum(parts.values()) == pytest.approx(decision["confidence"], abs=1e-9)
            assert 0 <= decision["confidence"] <= 1


@given(scenarios())
def test_what_is_given_is_never_changed(scenario: Scenario) -> None:
    """Bodies and values of signals, and the row that was there before."""
    rows: dict[str, Row | None] = {}
    given_signals: list[tuple[Signal, Any, bytes | None]] = []
    for step in finished(scenario):
        events: list[tuple[str, Signal | Passed]]
        if isinstance(step, TimePassed):
            events = [(corr_id, Passed(step.time)) for corr_id in rows]
        else:
            read = intake(scenario.workflow_set.name).read(step)
            if isinstance(read, DeadLetter):
                continue
            given_signals.append((read, deepcopy(read.payload), read.value))
            events = [(read.corr_id, read)]
        for corr_id, event in events:
            row = rows.get(corr_id)
            before = None if row is None else encode_row(row)
            rows[corr_id], _ = fold(row, event, context(scenario.workflow_set))
            assert before is None or (row is not None and encode_row(row) == before)
    for signal, payload, value in given_signals:
        assert signal.payload == payload
        assert signal.value == value


odd_headers = st.lists(
    st.tuples(st.sampled_from(["traceparent", "x", ""]), st.none() | st.binary(max_size=60)), max_size=3
)
odd_values = st.none() | st.binary(max_size=40) | st.just(b'{"corr_id":"req_abc123"}')


@given(
    st.sampled_from([*TOPICS, "", "signals.enriched."]),
    st.integers(-(2**63), 2**63 - 1),
    st.none() | st.binary(max_size=20) | st.just(b"req_abc123"),
    odd_values,
    odd_headers,
)
def test_whatever_stands_in_a_record_it_is_read_without_an_exception(
    topic: str, timestamp: int, key: bytes | None, value: bytes | None, headers: Any
) -> None:
    """What ``fold`` makes of all that ``read`` lets through, every other test here shows."""
    record = LogRecord(topic, PARTITION, 0, timestamp, key, value, headers)
    assert isinstance(intake("all").read(record), Signal | DeadLetter)
    run_alone = run(workflow_set("all"), [record, THE_END])
    assert len(run_alone.outcomes) <= 1


@given(scenarios())
def test_each_record_ends_in_exactly_one_place(scenario: Scenario) -> None:
    """Used, superseded, late (written or counted) or dead letter."""
    one, effects = processor(scenario.workflow_set), Effects()
    for step in [*scenario.steps, *[THE_END] * 3]:
        if isinstance(step, TimePassed):
            one.time_passed(step.time, effects)
        else:
            one.take((step,), effects)
    places: list[Any] = [place(dead) for dead in effects.dead_letters]
    places += [place(late.signal) for late in effects.late]
    for outcome in effects.outcomes:
        inputs = outcome.inputs
        places += [place(signal) for signal in inputs.used.values()]
        places += [place(repeat.signal) for repeat in inputs.superseded]
        places += [place(inputs.normalized)] if inputs.normalized is not None else []
    assert sorted(places) == sorted(map(place, scenario.records))
    decided = {(outcome.inputs.corr_id, outcome.decision_id) for outcome in effects.outcomes}
    assert {(late.signal.corr_id, late.decision_id) for late in effects.late} <= decided


@given(scenarios())
def test_deadline_and_workflow_in_a_row_are_those_of_the_walk(scenario: Scenario) -> None:
    table = MemoryTable()
    one, effects = processor(scenario.workflow_set, table), Effects()
    for step in scenario.steps:
        if isinstance(step, TimePassed):
            one.time_passed(step.time, effects)
        else:
            one.take((step,), effects)
        for row in table.rows.values():
            if isinstance(row, Collecting):
                now = progress(row.signals, scenario.workflow_set.workflows)
                assert (row.deadline, row.workflow, None) == (
                    now.deadline,
                    now.plan.name,
                    now.complete_at,
                )
                assert row.first_seen == min(signal.timestamp for signal in row.signals)
                assert row.last_update == max(signal.timestamp for signal in row.signals)

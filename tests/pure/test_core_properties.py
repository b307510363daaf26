"""What holds for every correlation, whatever is read in whatever order."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.correlation import TimePassed as Passed
from orchestration.correlation import Together, fold
from orchestration.dead_letter import DeadLetter
from orchestration.merge import Merge
from orchestration.outcome import Outcome
from orchestration.processor import Effects
from orchestration.progress import progress
from orchestration.record import LogRecord
from orchestration.rows import Collecting, Row
from orchestration.signal import Signal
from orchestration.table import MemoryTable
from tables.codec import decode_row, encode_row
from tests.faults.reference_validation import DeadLetterError, read_signal
from tests.pure.correlation_strategies import (
    PARTITION,
    PARTITIONS,
    START,
    TOPICS,
    Scenario,
    Step,
    TimePassed,
    moments,
    records,
    scenarios,
)
from tests.pure.running import SideBySide, context, intake, place, processor, reference, run
from tests.pure.workflow_sets import workflow_set

THE_END = TimePassed(START + 10**10)

Json = dict[str, Any]


def finished(scenario: Scenario) -> list[Step]:
    """The scenario's steps, and time enough for everything that waits."""
    return [*scenario.steps, THE_END]


def sent(effects: Effects) -> list[Any]:
    return [tuple(message) for message in effects.messages]


def audits(effects: Effects) -> list[Json]:
    topic = "audit.orchestration.decision"
    return [json.loads(message.value or b"") for message in effects.messages if message.topic == topic]


def in_partition(scenario: Scenario) -> list[LogRecord]:
    return [record for record in scenario.records if record.partition == PARTITION]


def signals_of(scenario: Scenario, taken: Iterable[LogRecord], corr_id: str) -> list[Signal]:
    read = [intake(scenario.workflow_set.name).read(record) for record in taken]
    return [one for one in read if isinstance(one, Signal) and one.corr_id == corr_id]


@st.composite
def interleaved(draw: st.DrawFn, signals: Sequence[Signal]) -> list[Signal]:
    """In another order that keeps each topic's own."""
    by_topic: dict[str, list[Signal]] = {}
    for signal in signals:
        by_topic.setdefault(signal.topic, []).append(signal)
    topics = draw(st.permutations([signal.topic for signal in signals]))
    return [by_topic[topic].pop(0) for topic in topics]


@given(scenarios())
def test_core_and_reference_model_say_the_same_byte_for_byte(scenario: Scenario) -> None:
    both = SideBySide(scenario.workflow_set, START)
    for step in finished(scenario):
        both.step(step)


@given(scenarios(), st.data())
def test_a_decision_can_be_had_again_from_its_cut_in_any_order_of_reading(
    scenario: Scenario, data: st.DataObject
) -> None:
    """(a) The replay: everything up to an outcome's ``read_to``, in any interleaving of the topics."""
    chosen = scenario.workflow_set
    effects = run(chosen, finished(scenario))
    rows: dict[str, Row | None] = {}
    replayed: dict[str, dict[str, int]] = {}
    again: dict[str, list[bytes]] = {}
    for outcome, audit in zip(effects.outcomes, audits(effects), strict=True):
        corr_id = outcome.inputs.corr_id
        before = replayed.setdefault(corr_id, {})
        cut = [
            record
            for record in in_partition(scenario)
            if before.get(record.topic, 0) <= record.offset < audit["read_to"].get(record.topic, 0)
        ]
        signals = signals_of(scenario, cut, corr_id)
        if not before:
            of_it = [record for record in cut if signals_of(scenario, [record], corr_id)]
            assert reference(chosen).decision_for(of_it) == outcome.value
        before.update(audit["read_to"])
        together = Together(data.draw(interleaved(signals)))
        row, found = fold(rows.get(corr_id), together, context(chosen))
        rows[corr_id], more = fold(row, Passed(outcome.inputs.orchestrated_at + 1), context(chosen))
        values = again.setdefault(corr_id, [])
        values += [one.value for one in (*found, *more) if isinstance(one, Outcome)]
        assert values.pop(0) == outcome.value
    assert not any(again.values())


@given(scenarios(time_passes=False), st.data())
def test_a_backlog_gives_the_same_however_it_is_delivered_and_split(
    scenario: Scenario, data: st.DataObject
) -> None:
    """(b)"""
    waiting = {topic: [r for r in in_partition(scenario) if r.topic == topic] for topic in TOPICS}
    expected = run(scenario.workflow_set, [*merged(waiting), THE_END])

    merge: Merge[LogRecord] = Merge(TOPICS)
    one, effects = processor(scenario.workflow_set), Effects()
    while not all(merge.at_end.values()):
        topic = data.draw(st.sampled_from([topic for topic, ended in merge.at_end.items() if not ended]))
        delivered = data.draw(st.integers(1, 4))
        chunk, waiting[topic] = waiting[topic][:delivered], waiting[topic][delivered:]
        merge.add(topic, chunk, at_end=not waiting[topic])
        one.take(merge.take(data.draw(st.integers(1, 5))), effects)
    one.take(merge.take(len(merge)), effects)
    one.time_passed(THE_END.time, effects)
    assert sent(effects) == sent(expected)


def merged(waiting: dict[str, list[LogRecord]]) -> list[Step]:
    """The order (timestamp, topic, offset) among what comes next in each topic, written out."""
    left = {topic: list(records) for topic, records in waiting.items()}
    taken: list[Step] = []
    while any(left.values()):
        nexts = [records[0] for records in left.values() if records]
        taken.append(min(nexts, key=lambda record: (record.timestamp, record.topic, record.offset)))
        left[taken[-1].topic].pop(0)  # type: ignore[union-attr]
    return taken


@given(scenarios(time_passes=False), st.data())
def test_a_duplicate_before_the_outcome_shows_in_superseded_alone(
    scenario: Scenario, data: st.DataObject
) -> None:
    """(c)"""
    taken = [record for record in in_partition(scenario) if record.topic in TOPICS]
    effects = run(scenario.workflow_set, [*taken, THE_END])
    if not effects.outcomes:
        return
    first, audit = effects.outcomes[0], audits(effects)[0]
    up_to = first.inputs.orchestrated_at
    originals = [
        index
        for index, record in enumerate(taken)
        if record.timestamp <= up_to
        and record.offset < audit["read_to"].get(record.topic, 0)
        and signals_of(scenario, [record], first.inputs.corr_id)
        and not run(scenario.workflow_set, [*taken[: index + 1]]).outcomes
        and signals_of(scenario, [record], first.inputs.corr_id)[0].valid
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


@given(scenarios())
def test_one_route_and_at_most_one_executable_message(scenario: Scenario) -> None:
    """(d)"""
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
    """(e)"""
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
    """(f) Bodies and values of signals, and the row that was there before."""
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
            given_signals.append((read, deepcopy(read.body), read.value))
            events = [(read.corr_id, read)]
        for corr_id, event in events:
            row = rows.get(corr_id)
            before = None if row is None else encode_row(row)
            rows[corr_id], _ = fold(row, event, context(scenario.workflow_set))
            assert before is None or (row is not None and encode_row(row) == before)
    for signal, body, value in given_signals:
        assert signal.body == body
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
    """(g) What ``fold`` makes of all that ``read`` lets through, every other test here shows."""
    record = LogRecord(topic, PARTITION, 0, timestamp, key, value, headers)
    assert isinstance(intake("all").read(record), Signal | DeadLetter)
    run_alone = run(workflow_set("all"), [record, THE_END])
    assert len(run_alone.outcomes) <= 1


class CodecTable(MemoryTable):
    """Rows leave it as they come back from the changelog: payloads as bytes alone."""

    def __init__(self) -> None:
        super().__init__()
        self.stored: dict[str, bytes] = {}

    def put(self, corr_id: str, row: Row | None) -> None:
        if row is None:
            self.stored.pop(corr_id, None)
        else:
            self.stored[corr_id] = encode_row(row)
            row = decode_row(self.stored[corr_id], PARTITION)
            assert encode_row(row) == self.stored[corr_id]
        super().put(corr_id, row)


@given(scenarios())
def test_a_row_that_was_stored_decides_like_one_that_was_not(scenario: Scenario) -> None:
    """(h)"""
    stored = run(scenario.workflow_set, finished(scenario), CodecTable())
    assert sent(stored) == sent(run(scenario.workflow_set, finished(scenario)))


@given(scenarios())
def test_each_record_ends_in_exactly_one_place(scenario: Scenario) -> None:
    """(i) Used, superseded, late (written or counted) or dead letter."""
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
                assert (row.deadline, row.workflow, None) == (now.deadline, now.workflow.name, now.complete_at)
                assert row.first_seen == min(signal.timestamp for signal in row.signals)
                assert row.last_update == max(signal.timestamp for signal in row.signals)


class UncommittedTable(CodecTable):
    """A marker is not given up before the records behind it are committed: until then they may be read again."""

    def due(self, time: int) -> list[str]:
        return [corr_id for corr_id in super().due(time) if isinstance(self.rows[corr_id], Collecting)]


@given(scenarios(time_passes=False), moments, st.data())
def test_records_that_are_read_again_after_a_crash_count_once(
    scenario: Scenario, until: int, data: st.DataObject
) -> None:
    """At-least-once: rows and messages were written, the offsets were not."""
    table = UncommittedTable()
    one, effects = processor(scenario.workflow_set, table), Effects()
    one.take(scenario.records, effects)
    one.time_passed(START + until, effects)
    rows, outcomes, late = dict(table.stored), len(effects.outcomes), len(effects.late)
    one.take(scenario.records[data.draw(st.integers(0, len(scenario.records))) :], effects)
    assert (len(effects.outcomes), len(effects.late)) == (outcomes, late)
    assert table.stored == rows


@given(records(START))
def test_intake_and_reference_model_read_a_record_alike(record: LogRecord) -> None:
    ours = intake("all").read(record)
    agents = set(intake("all").topics)
    try:
        theirs = read_signal(record, {topic.rpartition(".")[2] for topic in agents}, PARTITIONS)
    except DeadLetterError as reason:
        assert isinstance(ours, DeadLetter)
        assert ours.reason == str(reason)
        return
    if isinstance(ours, DeadLetter):
        error: Any = {"type": ours.reason, "message": ours.message}
        assert theirs.normalized
    else:
        error = ours.error and {"type": ours.error.type, "message": ours.error.message}
        assert (ours.sha256.hex(), ours.body) == (theirs.sha256, theirs.body)
        assert (ours.traceparent or "").encode() == (theirs.traceparent or b"")
    assert error == theirs.error

"""What is read again: by a replay, from a backlog, from the changelog, after a crash."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from orchestration.correlation import TimePassed as Passed
from orchestration.correlation import Together, fold
from orchestration.merge import Merge
from orchestration.outcome import Outcome
from orchestration.processor import Effects
from orchestration.record import LogRecord
from orchestration.rows import Collecting, Row
from orchestration.signal import Signal
from orchestration.table import MemoryTable
from tables.codec import decode_row, encode_row
from tests.pure.correlation_strategies import PARTITION, TOPICS, Scenario, Step, TimePassed, scenarios
from tests.pure.running import (
    THE_END,
    audits,
    context,
    finished,
    in_partition,
    place,
    processor,
    reference,
    run,
    signals_of,
)


@st.composite
def interleaved(draw: st.DrawFn, signals: Sequence[Signal]) -> list[Signal]:
    """In another order that keeps each topic's own."""
    by_topic: dict[str, list[Signal]] = {}
    for signal in signals:
        by_topic.setdefault(signal.topic, []).append(signal)
    topics = draw(st.permutations([signal.topic for signal in signals]))
    return [by_topic[topic].pop(0) for topic in topics]


@given(scenarios(), st.data())
def test_a_decision_can_be_had_again_from_its_cut_in_any_order_of_reading(
    scenario: Scenario, data: st.DataObject
) -> None:
    """The replay: everything up to an outcome's ``read_to``, in any interleaving of the topics."""
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
    assert effects.messages == expected.messages


def merged(waiting: dict[str, list[LogRecord]]) -> list[Step]:
    """The order (timestamp, topic, offset) among what comes next in each topic, written out."""
    left = {topic: list(records) for topic, records in waiting.items()}
    taken: list[Step] = []
    while any(left.values()):
        nexts = [records[0] for records in left.values() if records]
        taken.append(min(nexts, key=lambda record: (record.timestamp, record.topic, record.offset)))
        left[taken[-1].topic].pop(0)  # type: ignore[union-attr]
    return taken


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
    stored = run(scenario.workflow_set, finished(scenario), CodecTable())
    assert stored.messages == run(scenario.workflow_set, finished(scenario)).messages


class UncommittedTable(CodecTable):
    """A marker is not given up before the records behind it are committed: until then they may be read again."""

    def due(self, time: int) -> list[str]:
        return [corr_id for corr_id in super().due(time) if isinstance(self.rows[corr_id], Collecting)]


@given(scenarios(), st.data())
def test_records_that_are_read_again_after_a_crash_count_once(
    scenario: Scenario, data: st.DataObject
) -> None:
    """At-least-once: rows and messages were written, the offsets were not."""
    table = UncommittedTable()
    one, effects = processor(scenario.workflow_set, table), Effects()
    for step in finished(scenario):
        if isinstance(step, TimePassed):
            one.time_passed(step.time, effects)
        else:
            one.take((step,), effects)
    rows, outcomes, late = dict(table.stored), len(effects.outcomes), len(effects.late)
    one.take(scenario.records[data.draw(st.integers(0, len(scenario.records))) :], effects)
    assert (len(effects.outcomes), len(effects.late)) == (outcomes, late)
    assert table.stored == rows


@given(scenarios(), st.data())
def test_a_crash_in_the_middle_changes_nothing_of_what_follows(
    scenario: Scenario, data: st.DataObject
) -> None:
    """Records are read again before anything else, then all goes on as it would have."""
    expected = run(scenario.workflow_set, finished(scenario), UncommittedTable())
    crash = data.draw(st.integers(0, len(scenario.steps)))
    again = data.draw(st.integers(0, crash))
    table = UncommittedTable()
    one, effects = processor(scenario.workflow_set, table), Effects()
    read = scenario.steps[:crash]
    repeated = [step for step in read[again:] if isinstance(step, LogRecord)]
    for step in (*read, *repeated, *scenario.steps[crash:], THE_END):
        if isinstance(step, TimePassed):
            one.time_passed(step.time, effects)
        else:
            one.take((step,), effects)
    assert [outcome.value for outcome in effects.outcomes] == [outcome.value for outcome in expected.outcomes]
    assert [(place(late.signal), late.reason) for late in effects.late] == [
        (place(late.signal), late.reason) for late in expected.late
    ]

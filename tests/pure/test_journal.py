"""What the lane notes in the changelog about its order, and who finds it."""

from hypothesis import given
from hypothesis import strategies as st

from config.orchestrator_settings import SHIPPED_WORKFLOWS
from config.workflows.loader import load_workflows
from orchestration.correlation import Context, TimePassed
from orchestration.record import LogRecord
from orchestration.stretch import Step, Stretch, StretchRecorder, Taken
from streams.lane.journal import (
    journal_note,
    journaled_topics,
    next_epoch,
    notes_before,
    open_journal,
    owner_note,
)

TOPICS = ("signals.enriched.momentum", "signals.enriched.risk", "signals.normalized")
CONTEXT = Context(load_workflows(SHIPPED_WORKFLOWS).workflows, 1800.0, "3.2.1")
BEGIN = {topic: 10 * place for place, topic in enumerate(TOPICS)}

steps: st.SearchStrategy[Step] = st.one_of(
    st.builds(Taken, st.sampled_from(TOPICS), st.integers(1, 20_000)),
    st.builds(TimePassed, st.integers(0, 4_000_000_000_000)),
)


def notes_of(*owners: int, **journals: Stretch) -> dict[bytes, bytes]:
    """``journals``: by ``epoch_<n>``."""
    written = [owner_note(epoch, CONTEXT) for epoch in owners]
    written += [journal_note(int(name.removeprefix("epoch_")), stretch) for name, stretch in journals.items()]
    return dict(written)


@given(st.lists(steps, max_size=30).map(tuple))
def test_a_journal_gives_back_the_stretch_and_what_it_was_folded_under(steps: tuple[Step, ...]) -> None:
    stretch = Stretch(BEGIN, steps)
    journal = open_journal(notes_of(7, epoch_7=stretch), BEGIN)
    assert journal is not None
    assert (journal.epoch, journal.stretch) == (7, stretch)
    assert journal.context.version == "3.2.1"
    assert journal.context.idempotency_ttl_sec == 1800.0
    assert journal.context.workflows.digest_of_all == CONTEXT.workflows.digest_of_all


def test_a_journal_whose_state_was_written_is_not_found() -> None:
    notes = notes_of(1, epoch_1=Stretch(BEGIN, (Taken(TOPICS[0], 2),)))
    assert open_journal(notes, BEGIN | {TOPICS[0]: BEGIN[TOPICS[0]] + 2}) is None
    assert open_journal({}, BEGIN) is None


def test_of_two_journals_of_one_beginning_the_later_owners_counts() -> None:
    former, later = Stretch(BEGIN, (Taken(TOPICS[0], 2),)), Stretch(BEGIN, (Taken(TOPICS[1], 1),))
    journal = open_journal(notes_of(300, 20, epoch_300=later, epoch_20=former), BEGIN)
    assert journal is not None
    assert (journal.epoch, journal.stretch) == (300, later)


def test_a_later_owners_journal_of_another_beginning_does_not_hide_an_open_one() -> None:
    moved = Stretch(BEGIN | {TOPICS[0]: 9}, (Taken(TOPICS[0], 2),))
    open_one = Stretch(BEGIN, (Taken(TOPICS[1], 1),))
    journal = open_journal(notes_of(1, 2, epoch_1=open_one, epoch_2=moved), BEGIN)
    assert journal is not None
    assert journal.epoch == 1


def test_a_journal_whose_owners_note_is_gone_was_refused_before_anything_was_sent() -> None:
    notes = notes_of(4, epoch_9=Stretch(BEGIN, (Taken(TOPICS[0], 2),)))
    assert open_journal(notes, BEGIN) is None
    assert next_epoch(notes) == 10


def test_the_topics_of_journals_are_known_whatever_the_workflows_of_today_name() -> None:
    notes = notes_of(1, epoch_1=Stretch({"signals.enriched.gone": 4}, (Taken("signals.enriched.gone", 1),)))
    assert journaled_topics(notes) == {"signals.enriched.gone"}
    assert open_journal(notes, BEGIN) is None
    assert open_journal(notes, BEGIN | {"signals.enriched.gone": 4}) is not None


def test_a_new_owner_is_one_after_all_it_finds_and_takes_away_what_they_noted() -> None:
    notes = notes_of(2, 5, epoch_5=Stretch(BEGIN, ()))
    assert next_epoch({}) == 1
    assert next_epoch(notes) == 6
    assert sorted(notes_before(notes, 6)) == sorted(notes)
    assert notes_before(notes_of(6), 6) == []


def record(topic: str) -> LogRecord:
    return LogRecord(topic, 0, 0, 0, None, None)


def test_the_recorder_notes_runs_of_records_and_where_time_passed() -> None:
    first, second = TOPICS[0], TOPICS[1]
    recorder = StretchRecorder(BEGIN)
    recorder.take([record(first), record(first), record(second)])
    recorder.take([record(second), record(first)])
    recorder.time_passed(99)
    recorder.take([record(first)])
    stretch = recorder.end({first: 4})
    assert stretch == Stretch(
        BEGIN, (Taken(first, 2), Taken(second, 2), Taken(first, 1), TimePassed(99), Taken(first, 1))
    )
    assert (stretch.taken_of(first), stretch.taken_of(second), stretch.taken_of(TOPICS[2])) == (4, 2, 0)
    assert recorder.end({}) == Stretch({first: 4}, ())

"""The commit of one stretch, both ways, one effect after the other. Each ``yield`` names the effect that has happened:
a point at which the worker may die, freeze or lose the partition. ``yield None`` waits for the broker.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from orchestration.message import Message
from streams.lane.store import ChangelogRecord
from streams.lane.writer import JournalEntry
from tests.simulation.bugs import Bug
from tests.simulation.group import Membership
from tests.simulation.transactions import Producer
from tests.simulation.world import CHANGELOG, World

Steps = Iterator[str | None]


class UnknownOutcome(Exception):
    """No answer came: nobody can tell whether the commit stands."""


@dataclass(slots=True)
class Commit:
    """As ``streams.lane.writer.Commit``. ``changelog_offset``: set once it is committed."""

    partition: int
    messages: Sequence[Message]
    changelog: Sequence[ChangelogRecord]
    offsets: Mapping[str, int]
    membership: Membership
    journal: JournalEntry | None = None
    changelog_offset: int | None = None


def exactly_once(world: World, producer: Producer, commit: Commit) -> Steps:
    """Changelog, outputs and offsets in one transaction."""
    if world.bug is Bug.OFFSETS_APART:
        world.group.check(commit.membership)
        world.group.commit(commit.offsets, commit.partition)
        yield "offsets committed apart"
    return (yield from transaction(world, producer, commit, commit.messages))


def written(world: World, producer: Producer, commit: Commit) -> Steps:
    """As the guarantee says."""
    write = exactly_once if world.guarantee == "exactly_once" else at_least_once
    return write(world, producer, commit)


def at_least_once(world: World, producer: Producer, commit: Commit) -> Steps:
    """Journal, ownership, outputs; then rows and offsets in one transaction. What is repeated has its journal already."""
    if world.bug is Bug.STATE_BEFORE_OUTPUTS:
        yield from transaction(world, producer, commit, ())
        yield from _outputs(world, commit)
        return
    if commit.messages:
        steps = [_journal, _still_the_owner, _outputs]
        if commit.journal is None:
            steps = [_outputs]
        elif world.bug is Bug.JOURNAL_AFTER_OUTPUTS:
            steps = [_still_the_owner, _outputs, _journal]
        elif world.bug is Bug.CHECK_BEFORE_JOURNAL:
            steps = [_still_the_owner, _journal, _outputs]
        elif world.bug is Bug.NO_OWNERSHIP_CHECK:
            steps = [_journal, _outputs]
        for step in steps:
            yield from step(world, commit)
    yield from transaction(world, producer, commit, ())


def _journal(world: World, commit: Commit) -> Steps:
    assert commit.journal is not None
    key, value = world.notes.journal_note(*commit.journal)
    world.log[CHANGELOG, commit.partition].append(world.now, key, value)
    yield "journal written"


def _still_the_owner(world: World, commit: Commit) -> Steps:
    assert commit.journal is not None
    world.group.check(commit.membership)
    world.group.commit(commit.journal.stretch.begin, commit.partition)
    yield "ownership checked"


def _outputs(world: World, commit: Commit) -> Steps:
    """Outside a transaction."""
    what = "repeated output sent" if commit.journal is None else "output sent"
    for message in commit.messages:
        world.log[message.topic, 0].append(world.now, message.key, message.value, message.headers)
        yield what


def transaction(world: World, producer: Producer, commit: Commit, messages: Sequence[Message]) -> Steps:
    """Raises Refused for a former owner, UnknownOutcome where the answer is lost."""
    transactions = world.transactions
    while not transactions.begin(producer):
        yield None
    yield "transaction begun"
    last: int | None = None
    for key, value in commit.changelog:
        last = transactions.produce(producer, (CHANGELOG, commit.partition), world.now, key, value)
    yield "changelog written"
    for message in messages:
        transactions.produce(
            producer, (message.topic, 0), world.now, message.key, message.value, message.headers
        )
        yield "output sent in the transaction"
    membership = None if world.bug is Bug.NO_FENCE else commit.membership
    transactions.add_offsets(producer, commit.offsets, commit.partition, membership)
    yield "offsets added"
    if world.answer_is_lost():
        if world.random.random() < 0.5:
            transactions.commit(producer)
            world.begun(commit.offsets, commit.partition, len(commit.changelog))
        elif world.bug is Bug.LOST_ANSWER_IS_SUCCESS:
            transactions.abort(producer)
        if world.bug is not Bug.LOST_ANSWER_IS_SUCCESS:
            raise UnknownOutcome
    else:
        transactions.commit(producer)
        world.begun(commit.offsets, commit.partition, len(commit.changelog))
    commit.changelog_offset = None if last is None else last + 1
    yield "committed"

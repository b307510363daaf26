"""The commit of one stretch, both ways, one effect after the other. Each ``yield`` names the effect that has happened:
a point at which the worker may die, freeze or lose the partition. ``yield None`` waits for the broker.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from orchestration.message import Message
from orchestration.stretch import Stretch
from streams.lane.store import ChangelogRecord
from tests.simulation.bugs import Bug
from tests.simulation.group import Membership
from tests.simulation.journal import Journal, journal_record
from tests.simulation.transactions import Producer
from tests.simulation.world import CHANGELOG, World

Steps = Iterator[str | None]


class UnknownOutcome(Exception):
    """No answer came: nobody can tell whether the commit stands."""


@dataclass(slots=True)
class Commit:
    """Everything that came of a stretch. ``changelog_offset``: set once it is committed."""

    partition: int
    messages: Sequence[Message]
    changelog: Sequence[ChangelogRecord]
    offsets: Mapping[str, int]
    membership: Membership
    stretch: Stretch | None = None
    epoch: int = 0
    changelog_offset: int | None = None


def exactly_once(world: World, producer: Producer, commit: Commit) -> Steps:
    """Changelog, outputs and offsets in one transaction."""
    if world.bug is Bug.OFFSETS_APART:
        world.group.check(commit.membership)
        world.group.commit(commit.offsets, commit.partition)
        yield "offsets committed apart"
    return (yield from transaction(world, producer, commit, commit.messages))


def at_least_once(world: World, producer: Producer, commit: Commit) -> Steps:
    """Journal, ownership, outputs; then rows and offsets in one transaction."""
    if world.bug is Bug.STATE_BEFORE_OUTPUTS:
        yield from transaction(world, producer, commit, ())
        yield from outputs(world, commit.messages, "output sent")
        return
    if commit.messages and commit.stretch is not None:
        steps = [_journal, _still_the_owner, _outputs]
        if world.bug is Bug.JOURNAL_AFTER_OUTPUTS:
            steps = [_still_the_owner, _outputs, _journal]
        elif world.bug is Bug.CHECK_BEFORE_JOURNAL:
            steps = [_still_the_owner, _journal, _outputs]
        elif world.bug is Bug.NO_OWNERSHIP_CHECK:
            steps = [_journal, _outputs]
        for step in steps:
            yield from step(world, commit)
    yield from transaction(world, producer, commit, ())


def _journal(world: World, commit: Commit) -> Steps:
    assert commit.stretch is not None
    key, value = journal_record(Journal(commit.epoch, commit.stretch), world.bug)
    world.log[CHANGELOG, commit.partition].append(world.now, key, value)
    yield "journal written"


def _still_the_owner(world: World, commit: Commit) -> Steps:
    assert commit.stretch is not None
    world.group.check(commit.membership)
    world.group.commit(commit.stretch.begin, commit.partition)
    yield "ownership checked"


def _outputs(world: World, commit: Commit) -> Steps:
    return outputs(world, commit.messages, "output sent")


def outputs(world: World, messages: Sequence[Message], what: str) -> Steps:
    """Outside a transaction."""
    for message in messages:
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
        elif world.bug is Bug.LOST_ANSWER_IS_SUCCESS:
            transactions.abort(producer)
        if world.bug is not Bug.LOST_ANSWER_IS_SUCCESS:
            raise UnknownOutcome
    else:
        transactions.commit(producer)
    commit.changelog_offset = None if last is None else last + 1
    yield "committed"

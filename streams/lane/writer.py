"""The one place that writes: what a commit holds, and what can come of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Protocol

from confluent_kafka import KafkaError

from orchestration.message import Message
from orchestration.stretch import Stretch
from streams.lane.membership_metadata import Membership
from streams.lane.store import ChangelogRecord


class JournalEntry(NamedTuple):
    """``epoch``: that of the owner, as its note says."""

    epoch: int
    stretch: Stretch


@dataclass(frozen=True, slots=True)
class Commit:
    """Everything that came of a stretch of input, to be written whole or not at all.

    ``offsets``: per input topic the offset that is read next. ``membership``: under which generation of the group.
    ``journal``: the order in which the input was folded, for a writer that ``journals``; None: it stands in the log already.
    """

    partition: int
    messages: Sequence[Message]
    changelog: Sequence[ChangelogRecord]
    offsets: Mapping[str, int]
    membership: Membership
    journal: JournalEntry | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A message that its topic refuses for good. ``index`` into the commit's messages."""

    index: int
    error: KafkaError


class LostPartition(Exception):
    """Somebody else owns the partition now, or may: nothing of this commit stands, and the memory must go."""


class UnknownOutcome(Exception):
    """Nobody can tell whether the commit stands. Bring the partition up again: the log knows."""


class SinksRefuse(Exception):
    """These messages are refused by their topics for good.

    ``others_written``: the other messages of the commit are in their topics and must not be sent again; else nothing is.
    Changelog and offsets are not written in either case.
    """

    def __init__(self, refusals: Sequence[Refusal], others_written: bool) -> None:
        super().__init__(", ".join(refusal.error.str() for refusal in refusals))
        self.refusals = refusals
        self.others_written = others_written


class Writer(Protocol):
    """Writes one partition's commits. Every method blocks: call it from a thread.

    ``journals``: messages go out before the state is written, so the order of their stretch is written down first.
    ``heard`` grows with every call to the client that returns; calls take about a second at most, unless the client is stuck.
    """

    journals: ClassVar[bool]

    @property
    def heard(self) -> int: ...

    def fence(self) -> None:
        """Make sure that nobody else's unfinished work for this partition can come through any more."""
        ...

    def commit(self, commit: Commit) -> int | None:
        """Write; returns the changelog offset that comes next, None if nothing went there.

        Raises LostPartition, UnknownOutcome or SinksRefuse; after each of the first two the writer is of no more use.
        """
        ...

    def abandon(self) -> None:
        """Let a commit that runs in another thread give up within about a second, as LostPartition. Does not block."""
        ...

    def close(self) -> None: ...


REFUSED_FOR_GOOD = frozenset(
    {
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError._UNKNOWN_TOPIC,
        KafkaError.TOPIC_EXCEPTION,
        KafkaError.POLICY_VIOLATION,
        KafkaError.INVALID_RECORD,
        KafkaError._UNKNOWN_PARTITION,
    }
)
"""What no retry mends: the size, a permission, a topic that is gone."""

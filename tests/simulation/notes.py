"""What the lane notes in the changelog beside the rows: the product's own functions, or others where a bug is planted."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from orchestration.correlation import Context
from orchestration.stretch import Stretch
from streams.lane.journal import (
    Journal,
    journal_note,
    journaled_topics,
    next_epoch,
    notes_before,
    open_journal,
    owner_note,
)
from streams.lane.store import NOTE_PREFIX
from tests.simulation.bugs import Bug

Kept = Mapping[bytes, bytes]

_JOURNAL = NOTE_PREFIX + b"journal:"
_OWNER = NOTE_PREFIX + b"owner:"
_EPOCH_BYTES = 8
_ONE_KEY = _JOURNAL + bytes(_EPOCH_BYTES)


class Notes(NamedTuple):
    """As in ``streams.lane.journal``, each name with its types."""

    next_epoch: Callable[[Kept], int] = next_epoch
    journal_note: Callable[[int, Stretch], tuple[bytes, bytes]] = journal_note
    journaled_topics: Callable[[Kept], set[str]] = journaled_topics
    open_journal: Callable[[Kept, Mapping[str, int]], Journal | None] = open_journal
    notes_before: Callable[[Kept, int], list[bytes]] = notes_before


def notes(bug: Bug | None) -> Notes:
    match bug:
        case Bug.JOURNAL_IGNORED:
            return Notes(open_journal=_none)
        case Bug.LOWER_EPOCH_WINS:
            return Notes(open_journal=_lowest)
        case Bug.ONE_EPOCH_FOR_ALL:
            return Notes(next_epoch=_always_the_first)
        case Bug.ONE_KEY_FOR_ALL_JOURNALS:
            return Notes(
                journal_note=_under_one_key,
                journaled_topics=lambda kept: journaled_topics(_apart(kept)),
                open_journal=lambda kept, committed: open_journal(_apart(kept), committed),
                notes_before=lambda kept, epoch: [
                    key for key in notes_before(kept, epoch) if key != _ONE_KEY
                ],
            )
        case _:
            return Notes()


def known_journal(
    find: Callable[[Kept, Mapping[str, int]], Journal | None], kept: Kept, committed: Mapping[str, int]
) -> Journal | None:
    """``find(kept, committed)``, which parses workflows: the next owner often finds what the one before has found."""
    place = find, tuple(sorted(kept.items())), tuple(sorted(committed.items()))
    if place not in _found:
        if len(_found) > _FOUND_KEPT:
            _found.clear()
        _found[place] = find(kept, committed)
    return _found[place]


_FOUND_KEPT = 200
_found: dict[tuple[Any, ...], Journal | None] = {}
_written: dict[tuple[int, str], tuple[bytes, bytes]] = {}


def noted_owner(epoch: int, context: Context) -> tuple[bytes, bytes]:
    """``owner_note``, made once for all seeds: their workflows are the same two files."""
    place = epoch, context.workflows.digest_of_all
    if place not in _written:
        _written[place] = owner_note(epoch, context)
    return _written[place]


def _none(kept: Kept, committed: Mapping[str, int]) -> Journal | None:
    return None


def _always_the_first(kept: Kept) -> int:
    return 1


def _lowest(kept: Kept, committed: Mapping[str, int]) -> Journal | None:
    """Whether or not its owner's note is gone."""
    owner = max((key for key in kept if key.startswith(_OWNER)), default=None)
    for key in sorted(key for key in kept if key.startswith(_JOURNAL)):
        if owner is not None:
            found = open_journal({key: kept[key], _OWNER + key[-_EPOCH_BYTES:]: kept[owner]}, committed)
            if found is not None:
                return found
    return None


def _under_one_key(epoch: int, stretch: Stretch) -> tuple[bytes, bytes]:
    key, value = journal_note(epoch, stretch)
    return _ONE_KEY, key[-_EPOCH_BYTES:] + value


def _apart(kept: Kept) -> dict[bytes, bytes]:
    """As the product has them, for what stands under the one key."""
    found = dict(kept)
    value = found.pop(_ONE_KEY, None)
    if value is not None:
        found[_JOURNAL + value[:_EPOCH_BYTES]] = value[_EPOCH_BYTES:]
    return found

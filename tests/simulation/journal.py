"""What at-least-once keeps in the changelog beside the rows: journals of stretches, and epochs of owners.

Each owner has keys of its own. Under one key for all, compaction could leave the journal of a former owner that was
refused and drop that of the present one.
"""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from orchestration.correlation import TimePassed
from orchestration.stretch import Step, Stretch, Taken
from tests.simulation.bugs import Bug
from tests.simulation.store import OWN

JOURNAL = OWN + b"journal"
EPOCH = OWN + b"epoch"

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode


class Journal(NamedTuple):
    """A stretch whose outputs may have been sent; ``epoch`` of its writer."""

    epoch: int
    stretch: Stretch


def journal_record(journal: Journal, bug: Bug | None) -> tuple[bytes, bytes]:
    """Key and value for the changelog."""
    steps = [step if isinstance(step, Taken) else step.time for step in journal.stretch.steps]
    key = JOURNAL if bug is Bug.ONE_KEY_FOR_ALL_JOURNALS else b"%s-%d" % (JOURNAL, journal.epoch)
    return key, _encode((journal.epoch, dict(journal.stretch.begin), steps))


def epoch_record(epoch: int, file: int) -> tuple[bytes, bytes]:
    """``file``: under which workflow file the epoch's stretches are folded."""
    return b"%s-%d" % (EPOCH, epoch), _encode((epoch, file))


def journals(own: Mapping[bytes, bytes]) -> dict[bytes, Journal]:
    found = {}
    for key, value in own.items():
        if key.startswith(JOURNAL):
            epoch, begin, steps = _decode(value)
            made: list[Step] = [TimePassed(step) if isinstance(step, int) else Taken(*step) for step in steps]
            found[key] = Journal(epoch, Stretch(begin, made))
    return found


def epochs(own: Mapping[bytes, bytes]) -> dict[int, int]:
    """Epoch -> workflow file."""
    return dict(_decode(value) for key, value in own.items() if key.startswith(EPOCH))


def pending(own: Mapping[bytes, bytes], committed: Mapping[str, int], bug: Bug | None) -> Journal | None:
    """The stretch that begins at the committed offsets, if one was written down."""
    known = epochs(own)
    found = [
        journal
        for journal in journals(own).values()
        # An epoch that is gone was over before its writer could pass the check: nothing was sent.
        if (journal.epoch in known or bug is Bug.LOWER_EPOCH_WINS)
        and all(committed.get(topic) == offset for topic, offset in journal.stretch.begin.items())
    ]
    if bug is Bug.JOURNAL_IGNORED or not found:
        return None
    best = min if bug is Bug.LOWER_EPOCH_WINS else max
    return best(found, key=lambda journal: journal.epoch)

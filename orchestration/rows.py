"""The row of a corr_id in the correlations' table: what is remembered before and after its outcome."""

from collections.abc import Mapping
from typing import final

import msgspec

from orchestration.signal import Signal


class Reported(msgspec.Struct, frozen=True, gc=False):
    """What the marker still knows of an agent: the last offset seen, and the hash of the payload that was used.

    The offset makes a record that is read again after a crash recognisable; it is not late, it was counted.
    """

    offset: int
    sha256: bytes | None = None
    used: bool = False


@final
class Orchestrated(msgspec.Struct, frozen=True, gc=False):
    """The marker that stays after the outcome, so that nothing reopens the correlation until ``expires``."""

    corr_id: str
    decision_id: str
    action: str
    completed_by: str
    first_seen: int
    last_update: int
    deadline: int
    orchestrated_at: int
    expires: int
    workflow: str
    agent_count: int
    reported: Mapping[str, Reported] = msgspec.field(default_factory=dict)
    late: int = 0

    status = "orchestrated"

    @property
    def due(self) -> int:
        return self.expires


@final
class Collecting(msgspec.Struct, frozen=True, gc=False):
    """A correlation before its outcome. Times in ms since the epoch, by record time.

    ``signals``: everything accepted so far; per topic in log order. Repeats are kept, since the outcome time decides
    which one counts. ``rules`` is the digest of the workflows under which ``workflow`` and ``deadline`` were found.
    ``size`` counts the row in bytes, as the row limit does. ``previous``: the marker that this correlation opened anew
    after; what was written before its end is still late for it, not a part of this one.
    """

    corr_id: str
    signals: tuple[Signal, ...]
    first_seen: int
    last_update: int
    deadline: int
    workflow: str
    rules: str
    size: int
    previous: Orchestrated | None = None

    status = "collecting"

    @property
    def due(self) -> int:
        """When time has passed this, the row has to be looked at."""
        return self.deadline

    @property
    def agent_count(self) -> int:
        return len({signal.agent for signal in self.signals if signal.agent})


Row = Collecting | Orchestrated

"""What a replay counts; parts of a run that was shared by several processes add up."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from agents.replay.digest import Digest


@dataclass(slots=True)
class Counts:
    """``first`` and ``last``: event time of the run in ms, None without records. ``open_at_end``: correlations without an outcome."""

    records: int = 0
    signals: Counter[str] = field(default_factory=Counter)
    actions: Counter[str] = field(default_factory=Counter)
    late: Counter[str] = field(default_factory=Counter)
    dead_letters: Counter[str] = field(default_factory=Counter)
    other_topics: int = 0
    timed_out: int = 0
    open_at_end: int = 0
    spilled_rows: int = 0
    peak_row_bytes: int = 0
    first: int | None = None
    last: int | None = None
    digest: Digest = field(default_factory=Digest)

    @property
    def decisions(self) -> int:
        return self.digest.count

    def join(self, part: "Counts") -> None:
        """Another process's share. ``records``, ``first`` and ``last`` are of all of them alike: each reads everything."""
        self.records, self.first, self.last = part.records, part.first, part.last
        for mine, its in (
            (self.signals, part.signals),
            (self.actions, part.actions),
            (self.late, part.late),
            (self.dead_letters, part.dead_letters),
        ):
            mine.update(its)
        self.other_topics += part.other_topics
        self.timed_out += part.timed_out
        self.open_at_end += part.open_at_end
        self.spilled_rows += part.spilled_rows
        self.peak_row_bytes += part.peak_row_bytes
        self.digest.join(part.digest.sum, part.digest.count)

    def as_json(self) -> dict[str, Any]:
        return {
            "records": self.records,
            "signals": dict(sorted(self.signals.items())),
            "decisions": self.decisions,
            "digest": self.digest.text,
            "actions": dict(sorted(self.actions.items())),
            "timed_out": self.timed_out,
            "late": dict(sorted(self.late.items())),
            "dead_letters": dict(sorted(self.dead_letters.items())),
            "other_topics": self.other_topics,
            "open_at_end": self.open_at_end,
            "spilled_rows": self.spilled_rows,
            "peak_row_bytes": self.peak_row_bytes,
        }

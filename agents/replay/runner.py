"""The replay: records in their total order through the same fold as live, with event time as the clock.

Time is that of the record that comes next: everything earlier has been read, so a deadline before it has passed for good.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import msgspec

from agents.replay.counts import Counts
from agents.replay.digest import without_version
from agents.replay.rows import MEMORY_BYTES, WINDOW_MS, Rows
from orchestration.correlation import Context
from orchestration.intake import Intake
from orchestration.processor import Effects, PartitionProcessor
from orchestration.signal import NORMALIZED
from streams.recordings.order import Placed

TICK_TOPIC = "orchestrator.tick"
STEP_RECORDS = 1024
"""So often the run says how far it is, and hears that it has to stop."""


Place = tuple[int, int, int]
"""Where in a run something was decided: the same for any number of processes, and never the same for two of them."""


class Sink(Protocol):
    """Where outcomes go. ``wants_messages``: all that live would send; otherwise the outcomes alone are made."""

    wants_messages: bool

    def take(self, place: Place, effects: Effects, /) -> None:
        """``effects`` are emptied afterwards."""
        ...


class NoSink:
    wants_messages = False

    def take(self, _place: Place, _effects: Effects, /) -> None:
        pass


class Share(NamedTuple):
    """Which partitions a process folds: those whose number leaves ``number`` when divided by ``of``."""

    number: int = 0
    of: int = 1


@dataclass(frozen=True, slots=True)
class Rules:
    """What a replay decides by."""

    context: Context
    partitions: int

    def intake(self) -> Intake:
        return Intake(self.context.workflows.agents, self.partitions)


class Runner:
    """One process's part of a replay. ``go_on(records)`` is asked every ``STEP_RECORDS`` records, False stops."""

    def __init__(
        self,
        rules: Rules,
        sink: Sink,
        *,
        share: Share = Share(),  # noqa: B008 - a frozen value
        memory_bytes: int = MEMORY_BYTES,
        go_on: Callable[[int], bool] = lambda _: True,
    ) -> None:
        self.counts = Counts()
        self.rows = Rows(memory_bytes)
        self._rules = rules
        self._intake = rules.intake()
        self._sink = sink
        self._share = share
        self._go_on = go_on
        self._processors: dict[int, PartitionProcessor] = {}
        self._effects = Effects()
        self._version = msgspec.json.encode(rules.context.version)

    def run(self, records: Iterable[Placed]) -> bool:
        """Take all of them; False where it was stopped before their end. The rows stay for ``finish``."""
        counts, due, topics = self.counts, self.rows.due, self._intake.topics
        index, of = self._share
        processors, effects = self._processors, self._effects
        taken, now, window = 0, -1, -1
        stopped = False
        for time, topic, partition, _, record in records:
            if time > now:
                now = time
                if time // WINDOW_MS > window:
                    window = time // WINDOW_MS
                    if due and due[0][0] < window:
                        self._sweep(2 * taken + 1, window)
            taken += 1
            if partition % of == index:
                if topic in topics:
                    processor = processors.get(partition)
                    if processor is None:
                        processor = self._processor(partition)
                    processor.take((record,), effects)
                    if effects.outcomes or effects.late or effects.dead_letters:
                        self._out(2 * taken, 0, partition)
                elif topic != TICK_TOPIC:
                    counts.other_topics += 1
            if counts.first is None:
                counts.first = time
            if not taken % STEP_RECORDS:
                self.rows.make_room()
                if not self._go_on(taken):
                    stopped = True
                    break
        counts.records = taken
        counts.last = now if taken else None
        if taken:
            self._sweep(2 * taken + 1, window)
            # The last window is not over; up to the last record's time it is.
            for partition in sorted(processors):
                processors[partition].time_passed(now, effects)
                self._out(2 * taken + 1, window, partition)
        return not stopped

    def finish(self, *, drain: bool) -> Counts:
        """``drain``: let time pass until every correlation has its outcome. The rows are gone after this."""
        if drain:
            while self.rows.open:
                self._sweep(2 * self.counts.records + 2, self.rows.due[0][0] + 1)
        counts, rows = self.counts, self.rows
        counts.open_at_end = rows.open
        counts.spilled_rows, counts.peak_row_bytes = rows.spilled, rows.peak_bytes
        counts.signals = _named(self._effects)
        rows.close()
        return counts

    def _processor(self, partition: int) -> PartitionProcessor:
        made = PartitionProcessor(
            self._intake,
            self._rules.context,
            self.rows.partition(partition),
            sends=self._sink.wants_messages,
        )
        self._processors[partition] = made
        return made

    def _sweep(self, at: int, until: int) -> None:
        """Time passes, window by window, up to the beginning of the window ``until``.

        Not all at once: after a quiet night every marker would be fetched from the disk before the first could go.
        """
        due = self.rows.due
        while due and due[0][0] < until:
            window, partition = heapq.heappop(due)
            self._processors[partition].time_passed((window + 1) * WINDOW_MS, self._effects)
            self._out(at, window, partition)
            self.rows.make_room()

    def _out(self, at: int, window: int, partition: int) -> None:
        counts, effects = self.counts, self._effects
        for outcome in effects.outcomes:
            counts.actions[outcome.action] += 1
            if outcome.inputs.completed_by == "deadline":
                counts.timed_out += 1
            counts.digest.add(without_version(outcome.value, self._version))
        for late in effects.late:
            counts.late[late.reason] += 1
        for dead_letter in effects.dead_letters:
            counts.dead_letters[dead_letter.reason] += 1
        self._sink.take((at, window, partition), effects)
        effects.outcomes.clear()
        effects.late.clear()
        effects.dead_letters.clear()
        effects.invalid.clear()
        effects.messages.clear()


def _named(effects: Effects) -> Counter[str]:
    """Signals by agent, the normalized ones under the name of their topic's last part."""
    return Counter(
        {agent if agent != NORMALIZED else "normalized": n for agent, n in effects.received.items()}
    )

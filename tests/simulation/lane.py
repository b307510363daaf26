"""One partition on one worker, as ``streams.lane.partition`` has it: records are merged, folded, committed.

Real: the merge, the processor, the recorder of the stretch. Folding goes on while the stretch before is being committed.
"""

from orchestration.merge import Merge
from orchestration.processor import Effects, PartitionProcessor
from orchestration.record import LogRecord
from orchestration.stretch import StretchRecorder
from streams.lane.writer import JournalEntry
from tests.simulation.bugs import Bug
from tests.simulation.commit import Commit, Steps, written
from tests.simulation.group import Membership
from tests.simulation.store import SimulatedStore
from tests.simulation.transactions import Producer
from tests.simulation.world import CHANGELOG, TICK, World


class Lane:
    """``epoch``: this owner's. ``clock``: how far the worker's clock is off, in ms."""

    def __init__(
        self,
        world: World,
        partition: int,
        membership: Membership,
        producer: Producer,
        store: SimulatedStore,
        processor: PartitionProcessor,
        epoch: int,
        clock: int,
    ) -> None:
        self.world = world
        self.partition = partition
        self.membership = membership
        self.store = store
        self.suspended = False
        self._producer = producer
        self._processor = processor
        self._committed = dict(processor.positions)
        self._epoch = epoch
        self._clock = clock
        self._merge: Merge[LogRecord] = Merge(processor.positions)
        self._recorder = StretchRecorder(processor.positions)
        self._read_to = dict(processor.positions)
        self._logs = {topic: world.log[topic, partition] for topic in processor.positions}
        for topic, log in self._logs.items():
            self._merge.at_end[topic] = processor.positions[topic] >= log.end
        self._topics = list(self._logs)
        self._effects = Effects()
        self._committing: Steps | None = None
        self._tick_position = world.log[TICK, partition].end
        self._tick_time = 0
        self._due_asked = False
        self._answer: dict[str, int] | None = None
        self._time_target: tuple[int, dict[str, int]] | None = None

    @property
    def uncommitted(self) -> bool:
        return bool(self._effects)

    @property
    def finished(self) -> bool:
        """Nothing is folded that is not committed."""
        return self._committing is None and not bool(self._effects)

    @property
    def settled(self) -> bool:
        """Everything is read, folded and committed."""
        return (
            self.finished
            and self._merge.drained
            and all(self._read_to[topic] >= log.end for topic, log in self._logs.items())
        )

    # -- what comes in ------------------------------------------------------------------------------------------------

    def fetch(self, topic: str, limit: int) -> None:
        log = self._logs[topic]
        begin = self._read_to[topic]
        if begin == len(log.records):
            self._merge.at_end[topic] = True
            return
        records, position = log.read(begin, limit)
        self._merge.add(topic, records, position >= log.stable_end)
        self._read_to[topic] = position

    def fetch_any(self) -> None:
        random = self.world.random
        topics = self._topics
        self.fetch(topics[int(random.random() * len(topics))], (1, 2, 4, 100)[int(random.random() * 4)])

    def fetch_all(self) -> None:
        for topic in self._topics:
            self.fetch(topic, 1000)

    def tick(self) -> None:
        """The worker writes a tick; the broker stamps it."""
        self.world.log[TICK, self.partition].append(self.world.now, None, b"")

    def read_ticks(self) -> None:
        records, self._tick_position = self.world.log[TICK, self.partition].read(self._tick_position, 1000)
        asked = self._due_asked or self._time_target is not None
        if not records or asked:
            return
        time = records[-1].timestamp
        if self.world.bug is Bug.WORKER_CLOCK:
            time += self._clock
        if not self.store.has_due(time):
            return
        self._tick_time = time
        if self.world.bug is Bug.NO_END_OFFSETS:
            self._time_target = (time, {})
        else:
            self._due_asked = True

    @property
    def asking(self) -> bool:
        """A question for end offsets is on its way."""
        return self._due_asked

    def ask_ends(self) -> None:
        """The broker answers, or the answer arrives: two moments, between which more is written."""
        if not self._due_asked:
            return
        if self._answer is None:
            committed_only = self.world.bug is Bug.UNCOMMITTED_INPUT_IGNORED
            self._answer = {
                topic: log.stable_end if committed_only else log.end for topic, log in self._logs.items()
            }
        else:
            self._due_asked = False
            self._time_target, self._answer = (self._tick_time, self._answer), None

    # -- the fold -----------------------------------------------------------------------------------------------------

    def fold(self, limit: int, impatient: bool) -> str | None:
        """What was folded, if anything. ``impatient``: the others wait no longer for a topic's known backlog."""
        if self.suspended:
            return None
        records = self._merge.take(limit)
        if records:
            self._processor.take(records, self._effects)
            self._recorder.take(records)
        elif impatient:
            for topic in self._merge.blocked_by():
                self._merge.at_end[topic] = True
        if self._time_passes():
            return "deadline folded"
        return "folded" if records else None

    def _time_passes(self) -> bool:
        if self._time_target is None:
            return False
        time, ends = self._time_target
        if any(self._folded_to(topic) < end for topic, end in ends.items()):
            return False
        self._time_target = None
        self._processor.time_passed(time, self._effects)
        self._recorder.time_passed(time)
        return True

    def _folded_to(self, topic: str) -> int:
        head = self._merge.head(topic)
        return self._read_to[topic] if head is None else head.offset

    # -- the commit ---------------------------------------------------------------------------------------------------

    @property
    def committing(self) -> bool:
        return self._committing is not None

    def advance(self) -> str | None:
        """One effect further in the commit, or the next one is begun. Raises what the commit raises."""
        if self._committing is None:
            if not self.uncommitted:
                return None
            self._committing = self._commit()
        try:
            return next(self._committing)
        except StopIteration:
            self._committing = None
            return None

    def _commit(self) -> Steps:
        effects, self._effects = self._effects, Effects()
        changes = self.store.take_changes()
        positions = dict(self._processor.positions)
        journal = JournalEntry(self._epoch, self._recorder.end(positions))
        offsets = {t: p for t, p in positions.items() if p != self._committed.get(t)}
        yield "outcomes taken" if effects.messages else "stretch taken"
        commit = Commit(self.partition, effects.messages, changes.records, offsets, self.membership, journal)
        early = self.world.bug is Bug.STORE_BEFORE_COMMIT
        if early:
            self.store.write(changes, self.world.log[CHANGELOG, self.partition].end)
            yield "disk written"
        yield from written(self.world, self._producer, commit)
        self._committed.update(offsets)
        if not early:
            self.store.write(changes, commit.changelog_offset)
            yield "disk written"

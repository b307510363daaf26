"""Bringing a partition up, as ``streams.lane.bring_up`` does it: fence, stable offsets, changelog, the stretch that a former
owner wrote down and may have sent, and in one commit with what came of it: who owns the partition, and where reading begins.
"""

from collections.abc import Generator, Iterable, Mapping

from orchestration.processor import Effects, PartitionProcessor
from orchestration.stretch import Taken
from streams.lane.journal import Journal
from tests.simulation.bugs import Bug
from tests.simulation.checks import check_disk, check_recovery
from tests.simulation.commit import Commit, Steps, written
from tests.simulation.disk import Disk
from tests.simulation.files import WorkflowFile, file_of
from tests.simulation.group import Membership, Refused
from tests.simulation.lane import Lane
from tests.simulation.notes import known_journal, noted_owner
from tests.simulation.store import SimulatedStore
from tests.simulation.transactions import Producer
from tests.simulation.world import CHANGELOG, World


class BringUp:
    """One attempt. ``clock``: how far the worker's clock is off, in ms."""

    def __init__(
        self,
        world: World,
        worker: str,
        partition: int,
        membership: Membership,
        disk: Disk,
        file: WorkflowFile,
        clock: int,
    ) -> None:
        self.world = world
        self.partition = partition
        self._membership = membership
        self._disk = disk
        self._file = file
        self._clock = clock
        self._id = f"{worker}-{partition}" if world.bug is Bug.NO_FENCE else f"{partition}"
        self._changelog = world.log[CHANGELOG, partition]
        self._store = SimulatedStore(disk, partition, file.context.workflows.digest_of_all, world.bug)
        self._committed: dict[str, int] = {}
        self._lease: Producer | None = None

    def __call__(self) -> Generator[str | None, None, Lane]:
        """Raises Refused and UnknownOutcome, as every commit."""
        check_disk(self.world, self.partition, self._disk, "when a partition is brought up")
        order = [self._fence, self._stable_offsets]
        if self.world.bug is Bug.FENCE_AFTER_OFFSETS:
            order.reverse()
        for step in order:
            yield from step()
        yield from self._restore()
        positions = yield from self._positions()
        notes = self.world.notes
        epoch = notes.next_epoch(self._store.notes)
        others = yield from self._offsets_of(notes.journaled_topics(self._store.notes).difference(positions))
        journal = known_journal(notes.open_journal, self._store.notes, others | positions)
        effects: Effects | None = None
        if journal is not None:
            if self.world.bug is Bug.NOTES_GO_BEFORE_REPEAT:
                yield from self._own(epoch, None, {})
            effects = Effects()
            positions |= yield from self._repeat(journal, effects)
        offsets = {topic: at for topic, at in positions.items() if at != self._committed.get(topic)}
        if self.world.bug is Bug.NOTE_WITHOUT_OFFSETS and not self._committed:
            offsets = {}
        yield from self._own(epoch, effects, offsets)
        self._store.restored(self._file.context.workflows.digest_of_all)
        if self.world.bug is not Bug.CHANGELOG_NOT_READ_TO_ITS_END:
            check_recovery(self.world, self.partition, self._disk, self._producer)
        positions = {topic: positions[topic] for topic in self._file.topics}
        processor = PartitionProcessor(self._file.intake, self._file.context, self._store, positions)
        return Lane(
            self.world,
            self.partition,
            self._membership,
            self._producer,
            self._store,
            processor,
            epoch,
            self._clock,
        )

    @property
    def _producer(self) -> Producer:
        assert self._lease is not None
        return self._lease

    def _fence(self) -> Steps:
        while (producer := self.world.transactions.init(self._id)) is None:
            yield None
        self._lease = producer
        yield "fenced"

    def _stable_offsets(self) -> Steps:
        self._committed = yield from self._offsets_of(self._file.topics)
        yield "offsets read"

    def _offsets_of(self, topics: Iterable[str]) -> Generator[str | None, None, dict[str, int]]:
        group = self.world.group
        while self.world.bug is not Bug.UNSTABLE_OFFSETS and group.unsettled(topics, self.partition):
            yield None
        return group.offsets(topics, self.partition)

    def _positions(self) -> Generator[str | None, None, dict[str, int]]:
        """Where each input is read on: a topic that is new to the group, from what open correlations may need."""
        if not self._committed and self._disk.restored_to is not None:
            if (yield from self._offsets_of(self._file.topics)):
                raise Refused("another owner has committed meanwhile")
            self.world.violated(
                "a worker refuses to start: the changelog is not empty, and the group has no offsets"
            )
        positions = {}
        for topic in self._file.topics:
            offset = self._committed.get(topic)
            if offset is None:
                offset = self._newly_named(topic) if self._committed else 0
            positions[topic] = offset
        return positions

    def _newly_named(self, topic: str) -> int:
        log, since = self.world.log[topic, self.partition], self._store.open_since()
        if self.world.bug is Bug.NEW_TOPIC_FROM_ITS_BEGINNING:
            return 0
        if since is None or self.world.bug is Bug.NEW_TOPIC_FROM_ITS_END:
            return log.stable_end
        return log.first_since(since)

    def _restore(self) -> Steps:
        # As a reader at read_committed is told: a newer owner's open transaction is beyond it.
        end = self._changelog.stable_end
        position = self._disk.restored_to or 0
        while position < end:
            if self.world.bug is Bug.CHANGELOG_NOT_READ_TO_ITS_END and self.world.random.random() < 0.3:
                return
            records, position = self._changelog.read(position, 4)
            if records:
                self._store.restore([(record.key or b"", record.value) for record in records], position)
                yield "restored in part"
        yield "restored"

    def _repeat(self, journal: Journal, effects: Effects) -> Generator[str | None, None, Mapping[str, int]]:
        """The same records in the same order, under the workflows of who took them first; where reading goes on."""
        stretch, workflows = journal.stretch, journal.context.workflows
        file = file_of(workflows.digest_of_all, self.world.partitions)
        if self.world.bug is Bug.NEW_WORKFLOWS_FOR_OLD_JOURNAL:
            file = self._file
        self._store.restored(file.context.workflows.digest_of_all)
        processor = PartitionProcessor(file.intake, file.context, self._store, dict(stretch.begin))
        waiting = {
            topic: self.world.log[topic, self.partition].read(begin, stretch.taken_of(topic))[0]
            for topic, begin in stretch.begin.items()
        }
        for step in stretch.steps:
            if isinstance(step, Taken):
                records = waiting[step.topic]
                processor.take(records[: step.records], effects)
                del records[: step.records]
            else:
                processor.time_passed(step.time, effects)
            yield "repeat folded in part"
        return processor.positions

    def _own(self, epoch: int, effects: Effects | None, offsets: Mapping[str, int]) -> Steps:
        store, world = self._store, self.world
        if world.guarantee == "at_least_once" or effects is not None or not store.notes:
            for key in world.notes.notes_before(store.notes, epoch):
                store.note(key, None)
            store.note(*noted_owner(epoch, self._file.context))
        changes = store.take_changes()
        messages = () if effects is None else effects.messages
        if messages or changes.records or offsets:
            commit = Commit(self.partition, messages, changes.records, offsets, self._membership)
            yield from written(world, self._producer, commit)
            store.write(changes, commit.changelog_offset)
            yield "owner's note on disk" if effects is None else "repeat on disk"

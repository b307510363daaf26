"""Bringing a partition up, as ``streams.lane.bring_up`` does it: fence, stable offsets, changelog, and only then read.

At least once adds two steps: an epoch of its own, and the stretch that a former owner wrote down and may have sent.
"""

from collections.abc import Generator, Iterable

from orchestration.processor import Effects, PartitionProcessor
from orchestration.stretch import Stretch, Taken
from streams.lane.store import ChangelogRecord
from tests.simulation.bugs import Bug
from tests.simulation.checks import check_disk, check_recovery
from tests.simulation.commit import Commit, Steps, outputs, transaction
from tests.simulation.disk import Disk
from tests.simulation.files import WorkflowFile, workflow_file
from tests.simulation.group import Membership
from tests.simulation.journal import EPOCH, JOURNAL, Journal, epoch_record, epochs, journals, pending
from tests.simulation.lane import Lane
from tests.simulation.store import OWN, SimulatedStore
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
        self._seen: dict[bytes, bytes] = {}
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
        # A newer owner's first commit may have come in between; then this one is refused soon.
        leased = self.world.transactions.owns(self._producer)
        if leased and not self._committed and self._disk.restored_to is not None:
            self.world.violated(
                "a worker refuses to start: the changelog is not empty, and the group has no offsets"
            )
        positions = {topic: self._committed.get(topic, 0) for topic in self._file.topics}
        epoch = 0
        if self.world.guarantee == "at_least_once":
            epoch = yield from self._take_over(positions)
        self._store.under(self._file.context.workflows.digest_of_all)
        if self.world.bug is not Bug.CHANGELOG_NOT_READ_TO_ITS_END:
            check_recovery(self.world, self.partition, self._disk, self._producer)
        processor = PartitionProcessor(self._file.intake, self._file.context, self._store, positions)
        return Lane(
            self.world,
            self.partition,
            self._membership,
            self._producer,
            self._store,
            processor,
            self._committed,
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
        group, bug = self.world.group, self.world.bug
        # What the group has, of whatever topics: a former owner's workflows may have named others.
        topics = group.topics(self.partition)
        while bug is not Bug.UNSTABLE_OFFSETS and group.unsettled(topics, self.partition):
            yield None
        self._committed = group.offsets(topics, self.partition)
        yield "offsets read"

    def _restore(self) -> Steps:
        end = self._changelog.end
        position = self._disk.restored_to or 0
        while position < end:
            if self.world.bug is Bug.CHANGELOG_NOT_READ_TO_ITS_END and self.world.random.random() < 0.3:
                return
            before = position
            records, position = self._changelog.read(position, 4)
            if position == before:
                # A newer owner has a transaction open: this one is about to be told.
                yield None
                continue
            made = [(record.key or b"", record.value) for record in records]
            self._seen.update((key, value) for key, value in made if value is not None)
            if made:
                self._store.restore(made, position)
                yield "restored in part"
        yield "restored"

    # -- at least once ------------------------------------------------------------------------------------------------

    def _take_over(self, positions: dict[str, int]) -> Generator[str | None, None, int]:
        bug = self.world.bug
        own = self._seen if bug is Bug.JOURNAL_NOT_KEPT_ON_DISK else self._store.own(OWN)
        journal = pending(own, self._committed, bug)
        epoch = max([0, *epochs(own), *(each.epoch for each in journals(own).values())]) + 1
        file = (
            None
            if journal is None
            else workflow_file(epochs(own).get(journal.epoch, self._file.index), self.world.partitions)
        )
        yield from self._write_epoch(epoch, own.keys(), journal, positions)
        if journal is not None and file is not None:
            if bug is Bug.NEW_WORKFLOWS_FOR_OLD_JOURNAL:
                file = self._file
            yield from self._repeat(journal.stretch, file, positions)
        return epoch

    def _write_epoch(
        self, epoch: int, own: Iterable[bytes], journal: Journal | None, positions: dict[str, int]
    ) -> Steps:
        kept = set() if journal is None else {b"%s-%d" % (name, journal.epoch) for name in (EPOCH, JOURNAL)}
        gone: list[ChangelogRecord] = [
            (key, None) for key in sorted(own) if key not in kept and key != JOURNAL
        ]
        # With the first epoch go the first offsets: a changelog without offsets is a refusal to start.
        beginning = {topic: at for topic, at in positions.items() if topic not in self._committed}
        if self.world.bug is Bug.EPOCH_WITHOUT_OFFSETS:
            beginning = {}
        records = [*gone, epoch_record(epoch, self._file.index)]
        commit = Commit(self.partition, (), records, beginning, self._membership)
        yield from transaction(self.world, self._producer, commit, ())
        self._committed |= beginning
        if self.world.bug is not Bug.EPOCH_NOT_ON_DISK:
            # The next commit takes the disk past it: read from there on, its journals would have no workflows.
            self._store.restore(records, commit.changelog_offset)
        yield "epoch written"

    def _repeat(self, stretch: Stretch, file: WorkflowFile, positions: dict[str, int]) -> Steps:
        """The same records in the same order, under the workflows of who took them first."""
        effects = Effects()
        self._store.under(file.context.workflows.digest_of_all)
        reached = dict(stretch.begin)
        processor = PartitionProcessor(file.intake, file.context, self._store, reached)
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
        changes = self._store.take_changes()
        yield from outputs(self.world, effects.messages, "repeated output sent")
        commit = Commit(self.partition, (), changes.records, reached, self._membership)
        yield from transaction(self.world, self._producer, commit, ())
        self._store.write(changes, commit.changelog_offset)
        yield "repeat on disk"
        self._committed |= reached
        positions.update((topic, at) for topic, at in reached.items() if topic in positions)

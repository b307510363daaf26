"""Bringing a partition up: fence, stable offsets, changelog to its end, only then read.

    1. fence      nobody's unfinished transaction can come through any more
    2. offsets    the group's, pending transactional commits included
    3. changelog  from where the local disk stands to the end
    4. repeat     what an earlier owner may have sent without writing its state
    5. own        where reading begins, and under what, is committed
    6. read       from the offsets

In this order: offsets read before the fence could be those of a dead worker whose last commit is being marked just now,
and its records would be decided twice.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from orchestration.correlation import Context
from orchestration.processor import Effects
from streams.lane.group_offsets import committed_offsets, watermarks
from streams.lane.journal import journaled_topics, next_epoch, notes_before, open_journal, owner_note
from streams.lane.membership_metadata import Membership
from streams.lane.new_topic import first_needed
from streams.lane.refusals import commit_despite_refusals
from streams.lane.repeat import Cancelled, repeat
from streams.lane.store import ChangelogRecord, PartitionStore
from streams.lane.writer import Commit, LostPartition, Writer
from streams.records import log_record, offset_of

logger = logging.getLogger(__name__)

CHANGELOG_DELETE_RETENTION_SECONDS = 7 * 24 * 3600
_BATCH = 10_000


class RefuseToStart(Exception):
    """Going on would decide on state that is not there. The text says what to do."""


@dataclass(frozen=True, slots=True)
class BroughtUp:
    """``positions``: per input topic where to read on, as the group has committed it.

    ``epoch``: this owner's. ``repeated``: what came of a stretch that was taken again, None where there was none.
    ``ends``: the inputs' end offsets. ``rows``: how many changelog records were read.
    """

    positions: Mapping[str, int]
    epoch: int
    repeated: Effects | None
    tick_position: int
    ends: Mapping[str, int]
    rows: int
    seconds: float


@dataclass(frozen=True, slots=True)
class BringUp:
    """``start``: where a group without offsets begins although the changelog is not empty; None refuses that.

    ``sink_refused(topic, reason)`` is told of messages that go to dead letters instead.
    """

    consumer_configuration: Mapping[str, Any]
    inputs: Sequence[str]
    partition_count: int
    tick_topic: str
    changelog_topic: str
    start: Literal["earliest", "latest"] | None
    context: Context
    sink_refused: Callable[[str, str], None]

    def __call__(
        self,
        partition: int,
        membership: Membership,
        store: PartitionStore,
        writer: Writer,
        cancelled: Callable[[], bool],
    ) -> BroughtUp | None:
        """Blocks until the partition is restored; None if it was ``cancelled``. Raises RefuseToStart, KafkaException."""
        began = time.monotonic()
        try:
            writer.fence()
            if cancelled():
                return None
            consumer = Consumer(dict(self.consumer_configuration))
            try:
                return self._bring_up(consumer, partition, membership, store, writer, cancelled, began)
            finally:
                consumer.close()
        except Cancelled:
            return None

    def _bring_up(
        self,
        consumer: Consumer,
        partition: int,
        membership: Membership,
        store: PartitionStore,
        writer: Writer,
        cancelled: Callable[[], bool],
        began: float,
    ) -> BroughtUp:
        committed = committed_offsets(consumer, partition, self.inputs)
        low, high = watermarks(consumer, self.changelog_topic, partition)
        restored_to = self._usable(store, partition, low, high, committed)
        rows = self._restore(consumer, partition, store, restored_to, high, cancelled)
        # The end offset says nothing of state: a first transaction that was aborted, by a kill or a refusing sink,
        # leaves records in the changelog that nobody is shown, and no offsets.
        positions = self._positions(consumer, partition, committed, store)
        epoch = next_epoch(store.notes)
        others = committed_offsets(consumer, partition, journaled_topics(store.notes).difference(self.inputs))
        journal = open_journal(store.notes, others | positions)
        effects: Effects | None = None
        if journal is not None:
            effects, again = repeat(journal, consumer, partition, self.partition_count, store, cancelled)
            positions |= again
        offsets = {topic: offset for topic, offset in positions.items() if offset != committed.get(topic)}
        self._own(partition, membership, store, writer, epoch, effects, offsets)
        store.restored(self.context.workflows.digest_of_all)
        positions = {topic: positions[topic] for topic in self.inputs}
        ends = {topic: watermarks(consumer, topic, partition)[1] for topic in self.inputs}
        _, tick_end = watermarks(consumer, self.tick_topic, partition)
        return BroughtUp(positions, epoch, effects, tick_end, ends, rows, time.monotonic() - began)

    def _own(
        self,
        partition: int,
        membership: Membership,
        store: PartitionStore,
        writer: Writer,
        epoch: int,
        effects: Effects | None,
        offsets: Mapping[str, int],
    ) -> None:
        """Commit where reading begins, and what was taken again; the first time with a note, so that the changelog is never
        empty once there are offsets.

        Before anything else is folded: an input that stays quiet would never be committed, and be read from its beginning
        after a restart by a group that was told to begin at the end.
        """
        if writer.journals or effects is not None or not store.notes:
            for key in notes_before(store.notes, epoch):
                store.note(key, None)
            store.note(*owner_note(epoch, self.context))
        changes = store.take_changes()
        messages = () if effects is None else effects.messages
        if messages or changes.records or offsets:
            commit = Commit(partition, messages, changes.records, offsets, membership)
            store.write(changes, commit_despite_refusals(writer, commit, self.sink_refused))
        store.written(changes)

    def _usable(
        self, store: PartitionStore, partition: int, low: int, high: int, committed: Mapping[str, int]
    ) -> int:
        """Where to begin in the changelog."""
        restored_to = store.restored_to
        if restored_to is None:
            # Offsets are never committed before the changelog has the owner's note, and compaction never moves the
            # beginning: here rows were deleted, and what they held would be taken for correlations never heard of.
            if committed and (low > 0 or high == 0) and self.start is None:
                raise RefuseToStart(
                    f"{self.changelog_topic}[{partition}] lacks its beginning (it has the offsets {low} to {high}), although the "
                    "group has read its inputs: the changelog was emptied or made anew. Restore the topic, or set "
                    "ORCHESTRATOR_START=latest to go on without what it held."
                )
            return low
        if restored_to > high:
            raise RefuseToStart(
                f"{self.changelog_topic}[{partition}] ends at offset {high}, but the local store has read it to {restored_to}: "
                "the changelog was emptied or made anew. Restore the topic, or remove the data folder and set "
                "ORCHESTRATOR_START=latest to go on with what the changelog has."
            )
        if restored_to < low:
            # Taken for an old store it would be discarded, and with it the last copy of every open correlation.
            raise RefuseToStart(
                f"{self.changelog_topic}[{partition}] begins at offset {low}, but the local store has read it to "
                f"{restored_to} only: records in between were deleted. Restore the topic, or remove the data folder and set "
                "ORCHESTRATOR_START=latest to go on with what the changelog has."
            )
        # Tombstones older than this are gone from the changelog: an old disk would bring deleted rows back.
        if store.age_seconds > CHANGELOG_DELETE_RETENTION_SECONDS:
            logger.warning("the local store of partition %d is too old, it is discarded", partition)
            store.wipe()
            return low
        return restored_to

    def _positions(
        self, consumer: Consumer, partition: int, committed: Mapping[str, int], store: PartitionStore
    ) -> dict[str, int]:
        if not committed and store.restored_to is not None and self.start is None:
            if committed_offsets(consumer, partition, self.inputs):
                raise LostPartition("another owner has committed meanwhile")
            raise RefuseToStart(
                f"the consumer group has no committed offsets for partition {partition}, but {self.changelog_topic} is not "
                "empty: the offsets have expired or were deleted. Set ORCHESTRATOR_START=earliest to read the inputs again "
                "from their beginning, or ORCHESTRATOR_START=latest to go on with what comes from now on."
            )
        positions: dict[str, int] = {}
        new: list[str] = []
        for topic in self.inputs:
            low, high = watermarks(consumer, topic, partition)
            offset = committed.get(topic)
            if offset is None:
                if committed:
                    new.append(topic)
                else:
                    positions[topic] = high if self.start == "latest" else low
                continue
            if offset < low:
                logger.error(
                    "%s[%d]: records from %d to %d were deleted by the topic's retention before they were read",
                    topic,
                    partition,
                    offset,
                    low - 1,
                )
            elif offset > high:
                raise RefuseToStart(
                    f"the group has read {topic}[{partition}] to offset {offset}, but the topic ends at {high}: it was made "
                    "anew. Delete the group's offsets for it (kafka-consumer-groups --delete-offsets) to read it from its beginning."
                )
            positions[topic] = max(low, offset)
        return positions | self._beginnings(consumer, partition, new, store, positions)

    def _beginnings(
        self,
        consumer: Consumer,
        partition: int,
        new: Sequence[str],
        store: PartitionStore,
        positions: Mapping[str, int],
    ) -> dict[str, int]:
        """Where to begin with topics that are new to a group that has read others."""
        beginnings = {}
        for topic in new:
            offset = first_needed(consumer, topic, partition, store.open_since(), positions)
            beginnings[topic] = watermarks(consumer, topic, partition)[1] if offset is None else offset
            logger.warning(
                "%s[%d] is new to the group, it is read from offset %d", topic, partition, beginnings[topic]
            )
        return beginnings

    def _restore(
        self,
        consumer: Consumer,
        partition: int,
        store: PartitionStore,
        begin: int,
        end: int,
        cancelled: Callable[[], bool],
    ) -> int:
        if begin >= end:
            return 0
        consumer.assign([TopicPartition(self.changelog_topic, partition, begin)])
        position = begin
        rows = 0
        while position < end:
            if cancelled():
                raise Cancelled
            records: list[ChangelogRecord] = []
            # A long timeout would be waited for whole once the end is reached.
            for message in consumer.consume(_BATCH, 0.05):
                error = message.error()
                if error is None:
                    record = log_record(message)
                    position = record.offset + 1
                    if record.key is not None:
                        records.append((record.key, record.value))
                elif error.code() == KafkaError._PARTITION_EOF:
                    position = max(position, offset_of(message))
                elif not error.retriable():
                    raise KafkaException(error)
            if records:
                store.restore(records, position)
                rows += len(records)
        consumer.unassign()
        return rows

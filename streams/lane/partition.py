"""One partition in the lane: delivered records are merged, folded and committed, one stretch after the other.

Folding goes on while the previous stretch is being committed. Nothing here waits for a clock to decide anything: time is
what the records and ticks say.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from confluent_kafka import KafkaError

from orchestration.merge import Merge
from orchestration.processor import Effects, PartitionProcessor
from orchestration.record import LogRecord
from orchestration.stretch import StretchRecorder
from streams.lane.commit_thread import CommitThread
from streams.lane.membership_metadata import Membership
from streams.lane.observer import LaneObserver
from streams.lane.refusals import commit_despite_refusals
from streams.lane.store import Changes, PartitionStore, StoreDamaged
from streams.lane.writer import Commit, JournalEntry, LostPartition, UnknownOutcome, Writer

logger = logging.getLogger(__name__)

STEP_RECORDS = 500
"""Folded at once before the event loop gets its turn: about 10 ms."""

UNCOMMITTED_RECORDS = 20_000
"""Folding waits when the broker is so far behind: a commit has to stay within its transaction timeout and in memory."""

STUCK_SECONDS = 8.0
"""A commit that says nothing for so long is left behind in its thread: the partition is brought up again by a new writer."""

LEAVE_SECONDS = 3.0
"""How long a lane that ends waits for its running commit to notice."""

PATIENCE_SECONDS = 5.0
"""How long a topic with a known backlog that does not arrive may hold up the others."""


BRING_UP_AGAIN = (LostPartition, UnknownOutcome, StoreDamaged)
"""After these the partition's memory goes, and what is true is read from the log again. Anything else ends the worker."""


class PartitionLane:
    """Made by ``bring_up`` once the partition is restored; ends by ``close`` or by telling ``on_lost``.

    ``epoch``: this owner's.
    """

    def __init__(
        self,
        *,
        partition: int,
        tick_topic: str,
        processor: PartitionProcessor,
        store: PartitionStore,
        writer: Writer,
        epoch: int,
        membership: Membership,
        commit_interval: float,
        observer: LaneObserver,
        on_work: Callable[["PartitionLane"], None],
        on_due: Callable[["PartitionLane"], None],
        on_lost: Callable[["PartitionLane", BaseException], None],
    ) -> None:
        self.partition = partition
        self.membership = membership
        self.processor = processor
        self.store = store
        self.queued = False
        self._writer = writer
        self._tick_topic = tick_topic
        self._merge: Merge[LogRecord] = Merge(processor.positions)
        self._read_to: dict[str, int] = dict(processor.positions)
        self._committed = dict(processor.positions)
        self._epoch = epoch
        self._recorder = StretchRecorder(processor.positions) if writer.journals else None
        self._thread = CommitThread(f"commit-{partition}")
        self._store_lock = threading.Lock()
        self._store_given_up = False
        self._commit_interval = commit_interval
        self._observer = observer
        self._on_work = on_work
        self._on_due = on_due
        self._on_lost = on_lost
        self._effects = Effects()
        self._uncommitted = 0
        self._in_commit = 0
        self._work = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._suspended = False
        self._closed = False
        self._blocked_since: float | None = None
        self._due_asked = False
        self._tick_time = 0
        self._running: asyncio.Future[Any] | None = None
        self._time_target: tuple[int, Mapping[str, int]] | None = None
        self._committing = asyncio.get_running_loop().create_task(self._commit_for_ever())

    # -- what comes in ------------------------------------------------------------------------------------------------

    def deliver(self, topic: str, records: list[LogRecord], read_to: int, at_end: bool) -> None:
        if self._closed:
            return
        if topic == self._tick_topic:
            # One question at a time: under a backlog a newer one would always be further away, and nothing ever be due.
            asked = self._due_asked or self._time_target is not None
            if records and not asked and self.store.has_due(records[-1].timestamp):
                self._due_asked = True
                self._tick_time = records[-1].timestamp
                self._on_due(self)
            return
        self._merge.add(topic, records, at_end)
        self._read_to[topic] = read_to
        self._on_work(self)

    def waiting(self, topic: str) -> int:
        return 0 if topic == self._tick_topic else self._merge.waiting(topic)

    def fetch_failed(self, topic: str, error: KafkaError) -> None:
        self._lost(UnknownOutcome(f"{topic}[{self.partition}] cannot be read: {error.str()}"))

    def ends_known(self, ends: Mapping[str, int] | None) -> None:
        """The end offsets asked for by ``on_due``; None: they could not be had, the next tick asks again."""
        self._due_asked = False
        if ends is not None:
            self._time_target = (self._tick_time, ends)
            self._on_work(self)

    # -- the fold -----------------------------------------------------------------------------------------------------

    def step(self) -> bool:
        """Fold some records; True if there is more to do at once."""
        try:
            return self._step()
        except StoreDamaged as error:
            self._lost(error)
            return False

    def _step(self) -> bool:
        if self._closed or self._suspended or self._uncommitted + self._in_commit > UNCOMMITTED_RECORDS:
            return False
        records = self._merge.take(STEP_RECORDS)
        if records:
            self._blocked_since = None
            self.processor.take(records, self._effects)
            if self._recorder is not None:
                self._recorder.take(records)
            self._uncommitted += len(records)
        elif not self._merge.drained:
            self._wait_for_blocking_topics()
        self._time_passes()
        if self._uncommitted or self._effects:
            self._work.set()
        return bool(records) and not self._merge.drained

    def _time_passes(self) -> None:
        if self._time_target is None:
            return
        at, ends = self._time_target
        # Everything that was in the log when the ends were asked for has been folded: nothing that is still to come
        # can have a timestamp before the tick's.
        if all(self.folded_to(topic) >= end for topic, end in ends.items()):
            self._time_target = None
            self.processor.time_passed(at, self._effects)
            if self._recorder is not None:
                self._recorder.time_passed(at)

    def folded_to(self, topic: str) -> int:
        head = self._merge.head(topic)
        return self._read_to[topic] if head is None else head.offset

    def _wait_for_blocking_topics(self) -> None:
        now = time.monotonic()
        if self._blocked_since is None:
            self._blocked_since = now
        elif now - self._blocked_since > PATIENCE_SECONDS:
            for topic in self._merge.blocked_by():
                logger.warning(
                    "%s[%d] has records that do not arrive; the partition's other topics go on without them",
                    topic,
                    self.partition,
                )
                self._merge.at_end[topic] = True
            self._blocked_since = None
        asyncio.get_running_loop().call_later(0.1, self._on_work, self)

    # -- the commit ---------------------------------------------------------------------------------------------------

    async def _commit_for_ever(self) -> None:
        try:
            while True:
                await self._work.wait()
                await asyncio.sleep(self._commit_interval)
                self._work.clear()
                self._idle.clear()
                try:
                    await self._commit()
                finally:
                    self._idle.set()
                self._on_work(self)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - the worker is told; nothing of the stretch is committed
            self._lost(error)

    async def _commit(self) -> None:
        if self._closed or not (self._uncommitted or self._effects):
            return
        effects, self._effects = self._effects, Effects()
        self._in_commit, self._uncommitted = self._uncommitted, 0
        changes = self.store.take_changes()
        offsets = {
            topic: position
            for topic, position in self.processor.positions.items()
            if position != self._committed.get(topic)
        }
        journal = self._journal()
        commit = Commit(self.partition, effects.messages, changes.records, offsets, self.membership, journal)
        started = time.monotonic()
        self._running = self._thread.run(lambda: self._write(commit, changes))
        await self._done(self._running)
        self.store.written(changes)
        self._committed.update(offsets)
        self._in_commit = 0
        self._observer.committed(self.partition, effects, time.monotonic() - started)

    def _journal(self) -> JournalEntry | None:
        if self._recorder is None:
            return None
        return JournalEntry(self._epoch, self._recorder.end(self.processor.positions))

    async def _done(self, running: "asyncio.Future[None]") -> None:
        while True:
            heard = self._writer.heard
            done, _ = await asyncio.wait([running], timeout=STUCK_SECONDS)
            if done:
                return running.result()
            if self._writer.heard == heard:
                raise UnknownOutcome(f"the client has not returned from a call for {STUCK_SECONDS:g} s")

    def _write(self, commit: Commit, changes: Changes) -> None:
        changelog_offset = commit_despite_refusals(self._writer, commit, self._observer.sink_refused)
        with self._store_lock:
            # It may have come back after it was left behind, when the store is closed or somebody else's.
            if not self._store_given_up:
                self.store.write(changes, changelog_offset)

    # -- rebalance and end --------------------------------------------------------------------------------------------

    async def suspend(self) -> None:
        """Commit what has been folded and fold nothing more until ``resume``; for the time of a rebalance."""
        self._suspended = True
        await self._finish()

    def resume(self, membership: Membership) -> None:
        """The partition stayed ours through the rebalance."""
        self.queued = False
        self.membership = membership
        self._suspended = False
        self._on_work(self)

    async def close(self, *, finish: bool) -> None:
        """``finish``: commit what has been folded first; otherwise it is dropped and read again by the next owner."""
        if finish and not self._closed:
            self._suspended = True
            await self._finish()
        self._closed = True
        self._writer.abandon()
        self._committing.cancel()
        await asyncio.wait([self._committing])
        if self._running is not None and not self._running.done():
            await asyncio.wait([self._running], timeout=LEAVE_SECONDS)
        if self._running is not None and self._running.done() and not self._running.cancelled():
            # Asked for, so that asyncio does not complain of an exception that nobody wants to know.
            self._running.exception()
        with self._store_lock:
            self._store_given_up = True
        self._thread.close()
        self._writer.close()
        self.store.close()

    async def _finish(self) -> None:
        while not self._closed and (self._uncommitted or self._effects or not self._idle.is_set()):
            self._work.set()
            await asyncio.wait(
                {self._committing, asyncio.create_task(self._until_idle())}, return_when="FIRST_COMPLETED"
            )
            if self._committing.done():
                return

    async def _until_idle(self) -> None:
        await asyncio.sleep(0.001)
        await self._idle.wait()

    def _lost(self, error: BaseException) -> None:
        if not self._closed:
            self._closed = True
            if not isinstance(error, BRING_UP_AGAIN):
                # The stack trace, where one helps, is in the line that the worker stops with.
                logger.error("partition %d stops: %s", self.partition, error)
            self._on_lost(self, error)

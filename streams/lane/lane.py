"""The lane of one worker: which partitions are up, and what happens to them when the group rebalances."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

from confluent_kafka import KafkaException

from orchestration.correlation import Context
from orchestration.intake import Intake
from orchestration.processor import PartitionProcessor
from streams.lane.bring_up import BringUp, BroughtUp, RefuseToStart
from streams.lane.clock import Ends, EndsForMany, Ticker
from streams.lane.fetch import FetchClient
from streams.lane.membership_metadata import Membership
from streams.lane.observer import LaneObserver
from streams.lane.partition import BRING_UP_AGAIN, PartitionLane
from streams.lane.store import PartitionStore
from streams.lane.writer import LostPartition, Writer

logger = logging.getLogger(__name__)

STOP_SECONDS = 20.0
"""How long a stop or a rebalance waits for running commits; what is not committed by then is read again by the next owner."""

LAG_SECONDS = 5.0

State = Literal["starting", "bringing_up", "running", "lost"]


@dataclass(frozen=True, slots=True)
class LaneSettings:
    inputs: tuple[str, ...]
    tick_topic: str
    tick_interval: float
    commit_interval: float
    heartbeat_interval: float
    consumer_configuration: Mapping[str, Any]
    client_configuration: Mapping[str, Any]
    producer_configuration: Mapping[str, Any]


class Lane:
    """Made and driven by the worker's app. All methods belong to the event loop.

    ``broker_answers``: as of the last question for end offsets, at most some 15 s ago.
    ``on_crash`` is told of what the worker must not go on after; the records stay uncommitted.
    """

    def __init__(
        self,
        settings: LaneSettings,
        *,
        intake: Intake,
        context: Context,
        bring_up: BringUp,
        open_store: Callable[[int], PartitionStore],
        new_writer: Callable[[int], Writer],
        observer: LaneObserver,
        on_work: Callable[[PartitionLane], None],
        on_crash: Callable[[BaseException], None],
    ) -> None:
        self.topics = frozenset((*settings.inputs, settings.tick_topic))
        self.partitions: dict[int, PartitionLane] = {}
        self.assigned: frozenset[int] = frozenset()
        self.ever_assigned = False
        self.broker_answers = True
        self._settings = settings
        self._intake = intake
        self._context = context
        self._bring_up = bring_up
        self._open_store = open_store
        self._new_writer = new_writer
        self._observer = observer
        self._on_work = on_work
        self._on_crash = on_crash
        self._membership: Membership | None = None
        self._bringing_up: dict[int, asyncio.Task[None]] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = False

    async def start(self, partition_count: int) -> None:
        loop = asyncio.get_running_loop()
        settings = self._settings
        # Committing and bringing up block in librdkafka, each partition in a thread of its own: a partition whose
        # commit waits for the broker must not hold up another one's.
        self._executor = ThreadPoolExecutor(max_workers=2 * partition_count + 2, thread_name_prefix="lane")
        self._fetch = FetchClient(settings.consumer_configuration, loop)
        self._fetch.start()
        self._ticker = Ticker(settings.producer_configuration, settings.tick_topic)
        self._ends = Ends(settings.client_configuration, settings.inputs)
        self._ends_for_many = EndsForMany(self._ends, self._answer)
        self._tasks = [
            loop.create_task(coroutine)
            for coroutine in (self._tick_for_ever(), self._ends_for_many.run(), self._lag())
        ]

    async def stop(self) -> None:
        """After ``on_stopping``."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, self._fetch.stop)
        self._ticker.close()
        self._executor.shutdown(wait=False, cancel_futures=True)

    @property
    def ready(self) -> bool:
        """Every assigned partition is up."""
        return self.ever_assigned and self.assigned <= self.partitions.keys()

    def open_count(self) -> int:
        return sum(lane.store.open_count() for lane in self.partitions.values())

    # -- the group's word ---------------------------------------------------------------------------------------------

    async def on_revoked(self) -> None:
        for task in self._bringing_up.values():
            task.cancel()
        # A bring-up that fences after the next owner has fenced would fence the next owner: wait for running ones.
        await self._wait_for(self._bringing_up.values())
        await self._wait_for([asyncio.ensure_future(lane.suspend()) for lane in self.partitions.values()])

    async def on_assigned(self, partitions: frozenset[int], membership: Membership) -> None:
        previous, self._membership = self._membership, membership
        self.assigned = partitions
        self.ever_assigned = True
        for number in [
            number
            for number in self.partitions
            if number not in partitions or self._gap(previous, membership)
        ]:
            self._discard(self.partitions.pop(number))
        for number in sorted(partitions):
            kept = self.partitions.get(number)
            if kept is not None:
                kept.resume(membership)
            else:
                self._begin_bring_up(number)
        logger.info("partitions %s, generation %d", sorted(partitions), membership.generation)

    async def on_stopping(self) -> None:
        self._stopping = True
        await self.on_revoked()
        lanes = list(self.partitions.values())
        self.partitions.clear()
        for lane in lanes:
            self._fetch.forget(lane)
        await self._wait_for([asyncio.ensure_future(lane.close(finish=False)) for lane in lanes])
        await self._wait_for(self._closing)

    @staticmethod
    def _gap(previous: Membership | None, membership: Membership) -> bool:
        # Others may have owned our partitions in a generation that we did not take part in.
        return previous is None or membership.generation != previous.generation + 1

    async def _wait_for(self, tasks: Iterable["asyncio.Future[None]"]) -> None:
        waiting = [task for task in tasks if not task.done()]
        if waiting:
            _, late = await asyncio.wait(waiting, timeout=STOP_SECONDS)
            if late:
                logger.warning(
                    "%d partitions did not finish in %g s; their records will be read again",
                    len(late),
                    STOP_SECONDS,
                )

    # -- bringing up --------------------------------------------------------------------------------------------------

    def _begin_bring_up(self, number: int, delay: float = 0.0) -> None:
        # One that was cancelled may still be waiting for the broker. Where it was taken for the one that is wanted now,
        # nobody brought the partition up.
        before = self._bringing_up.get(number)
        self._bringing_up[number] = asyncio.get_running_loop().create_task(
            self._bring_up_one(number, delay, before)
        )

    async def _bring_up_one(self, number: int, delay: float, before: "asyncio.Task[None] | None") -> None:
        backoff = 0.5
        if before is not None:
            await asyncio.wait([before])
        await asyncio.sleep(delay)
        while not self._stopping and number in self.assigned and number not in self.partitions:
            try:
                await self._try_to_bring_up(number)
            except (KafkaException, *BRING_UP_AGAIN) as error:
                logger.warning("partition %d is not up yet, trying again: %s", number, error)
                await asyncio.sleep(backoff)
                backoff = min(backoff * 2, 5.0)
            except (asyncio.CancelledError, RefuseToStart) as error:
                if isinstance(error, asyncio.CancelledError):
                    raise
                # What a bring-up finds out about a partition that another worker owns by now is no reason to stop.
                if number in self.assigned:
                    self._on_crash(error)
                return
            except Exception as error:  # noqa: BLE001 - a partition that cannot be brought up must not go unnoticed
                self._on_crash(error)
                return

    async def _try_to_bring_up(self, number: int) -> None:
        membership = self._membership
        assert membership is not None
        # The previous lane of this partition may still hold the store's lock.
        await self._wait_for(self._closing)
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        parts: list[tuple[PartitionStore, Writer]] = []

        def work() -> BroughtUp | None:
            writer = self._new_writer(number)
            try:
                store = self._open_store(number)
            except BaseException:
                writer.close()
                raise
            parts.append((store, writer))
            return self._bring_up(number, membership, store, writer, stop.is_set)

        running = loop.run_in_executor(self._executor, work)
        up: BroughtUp | None = None
        try:
            up = await asyncio.shield(running)
        finally:
            if up is None:
                stop.set()
                for _, writer in parts:
                    writer.abandon()
                await asyncio.wait([running])
                if not running.cancelled() and (failure := running.exception()) is not None:
                    logger.debug("partition %d: the bring-up ended with %r", number, failure)
                for store, writer in parts:
                    writer.close()
                    store.close()
        store, writer = parts[0]
        if up is None or number not in self.assigned or membership is not self._membership:
            if up is not None:
                writer.close()
                store.close()
            return
        self._run(number, membership, store, writer, up)

    def _run(
        self, number: int, membership: Membership, store: PartitionStore, writer: Writer, up: BroughtUp
    ) -> None:
        processor = PartitionProcessor(self._intake, self._context, store, dict(up.positions))
        lane = PartitionLane(
            partition=number,
            tick_topic=self._settings.tick_topic,
            processor=processor,
            store=store,
            writer=writer,
            epoch=up.epoch,
            membership=membership,
            commit_interval=self._settings.commit_interval,
            observer=self._observer,
            on_work=self._on_work,
            on_due=lambda lane: self._ends_for_many.ask(lane.partition),
            on_lost=self._on_lost,
        )
        for topic, end in up.ends.items():
            lane.deliver(topic, [], up.positions[topic], up.positions[topic] >= end)
        self.partitions[number] = lane
        self._fetch.read(lane, {**up.positions, self._settings.tick_topic: up.tick_position})
        self._observer.restored(number, up.rows, up.seconds)
        if up.repeated is not None:
            self._observer.committed(number, up.repeated, up.seconds)

    def _on_lost(self, lane: PartitionLane, error: BaseException) -> None:
        if self.partitions.get(lane.partition) is lane:
            del self.partitions[lane.partition]
        self._discard(lane)
        self._observer.lost(lane.partition, error)
        if not isinstance(error, BRING_UP_AGAIN):
            self._on_crash(error)
        elif lane.partition in self.assigned and not self._stopping:
            # If another worker owns the partition now, the group tells us within a heartbeat or two; bringing it up
            # before that would fence the rightful owner.
            wait = 2.5 * self._settings.heartbeat_interval if isinstance(error, LostPartition) else 0.2
            logger.warning("partition %d is given up: %s", lane.partition, error)
            self._begin_bring_up(lane.partition, wait)

    def _discard(self, lane: PartitionLane) -> None:
        self._fetch.forget(lane)
        task = asyncio.get_running_loop().create_task(lane.close(finish=False))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    # -- time ---------------------------------------------------------------------------------------------------------

    async def _tick_for_ever(self) -> None:
        while True:
            self._ticker.tick(self.partitions)
            await asyncio.sleep(self._settings.tick_interval)

    def _answer(self, partition: int, ends: Mapping[str, int] | None) -> None:
        lane = self.partitions.get(partition)
        if lane is not None:
            lane.ends_known(ends)

    async def _lag(self) -> None:
        while True:
            await asyncio.sleep(LAG_SECONDS)
            try:
                ends = await self._ends.ask(self.partitions)
            except (KafkaException, TimeoutError):
                self.broker_answers = False
                continue
            self.broker_answers = True
            lags = {}
            for partition, by_topic in ends.items():
                lane = self.partitions.get(partition)
                if lane is not None:
                    for topic, end in by_topic.items():
                        lags[topic, partition] = max(0, end - lane.folded_to(topic))
            self._observer.lag(lags)


__all__ = ["Lane", "LaneSettings"]

"""Membership of the consumer group: Faust's consumer joins, leaves and is assigned; it never fetches.

Faust's own path hands over one record at a time and drops what was fetched around a rebalance; the lane reads through
``fetch.py`` instead. What stays here is what a group member does: join, heartbeat, rebalance.
"""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Protocol

import aiokafka
from aiokafka import TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import (
    IllegalGenerationError,
    KafkaError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)
from aiokafka.structs import OffsetAndMetadata
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from mode.types import ServiceT

from streams.lane.membership_metadata import Membership

_COMMIT_AGAIN_SECONDS = 0.1


class MemberListener(Protocol):
    """Who is told of partitions."""

    @property
    def topics(self) -> frozenset[str]: ...

    async def on_revoked(self) -> None:
        """A rebalance begins: finish what runs, begin nothing new."""
        ...

    async def on_assigned(self, partitions: frozenset[int], membership: Membership) -> None:
        """A rebalance is over: these partitions are ours now, all others are not. Must return quickly."""
        ...

    async def on_stopping(self) -> None:
        """The consumer is about to leave the group: finish and commit."""
        ...


class MemberThread(driver.AIOKafkaConsumerThread):
    """The thread in which aiokafka lives."""

    def _create_worker_consumer(self, transport: driver.Transport) -> aiokafka.AIOKafkaConsumer:
        # Faust falls back to round robin where it knows no changelog table of its own. That would give topics'
        # partitions of one number to different workers, and no correlation would ever be complete: range keeps them
        # together, since all topics have the same partition count.
        consumer = super()._create_worker_consumer(transport)
        consumer._partition_assignment_strategy = (RangePartitionAssignor,)
        return consumer

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        # The lane fetches; without the pause aiokafka would prefetch every partition as well.
        self._ensure_consumer().pause(*(TopicPartition(tp.topic, tp.partition) for tp in assigned))
        await super().on_partitions_assigned(assigned, generation_id)

    def membership(self, generation: int) -> Membership:
        coordinator = self._ensure_consumer()._coordinator
        return Membership(
            group_id=coordinator.group_id,
            generation=generation,
            member_id=coordinator.member_id,
            instance_id=coordinator._group_instance_id,
        )

    async def commit_lane(self, partition: int, offsets: Mapping[str, int], membership: Membership) -> bool:
        """Runs in the thread.

        aiokafka's own commit tries again under whatever generation it has by then, and would set back the offsets of who
        owns the partition now: here each try is made under this membership or not at all.
        """
        coordinator = self._ensure_consumer()._coordinator
        places = {
            TopicPartition(topic, partition): OffsetAndMetadata(to, "") for topic, to in offsets.items()
        }
        while True:
            await coordinator.ensure_coordinator_known()
            if (
                coordinator.generation != membership.generation
                or coordinator.member_id != membership.member_id
            ):
                return False
            try:
                await coordinator._do_commit_offsets(None, places)
            except (UnknownMemberIdError, IllegalGenerationError, RebalanceInProgressError):
                return False
            except KafkaError as error:
                if not error.retriable:
                    raise
                await asyncio.sleep(_COMMIT_AGAIN_SECONDS)
            else:
                return True

    def _stopped_set(self) -> None:
        # After a crash the thread has closed its loop already, and a clear refusal would end in a stack trace.
        if not self.thread_loop.is_closed():
            super()._stopped_set()

    async def on_thread_stop(self) -> None:
        if self._consumer is not None:
            # A static member does not say goodbye, so that a restart finds its place kept. A worker that is told to
            # stop gives its partitions away at once, and takes some again when it comes back.
            self._consumer._coordinator._group_instance_id = None
        await super().on_thread_stop()


class MemberConsumer(driver.Consumer):
    """Faust's consumer with the lane behind it instead of streams of single records."""

    _thread: MemberThread

    def _new_consumer_thread(self) -> MemberThread:
        return MemberThread(self, loop=self.loop, beacon=self.beacon)

    @property
    def _listener(self) -> MemberListener:
        listener: MemberListener = self.app.lane  # type: ignore[attr-defined]
        return listener

    async def subscribe(self, topics: Iterable[str]) -> None:
        await super().subscribe({*topics, *self._listener.topics})

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        await self._listener.on_revoked()
        await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        await super().on_partitions_assigned(assigned, generation_id)
        # Taken now: after a missed heartbeat it would read as -1 and nobody, which the broker lets pass unchecked.
        membership = self._thread.membership(generation_id)
        topics = self._listener.topics
        await self._listener.on_assigned(
            frozenset(tp.partition for tp in assigned if tp.topic in topics), membership
        )

    async def _drain_messages(self, fetcher: ServiceT) -> None:
        # aiokafka leaves the group when nobody asks it for records for max_poll_interval: asking is the sign of life.
        while not (self.should_stop or fetcher.should_stop):
            if self.flow_active:
                await self._getmany(self._get_active_partitions(), timeout=1.0)
            await self.sleep(1.0)

    async def perform_seek(self) -> None:
        """Nothing to seek: the lane keeps the positions."""

    async def seek_to_committed(self) -> Mapping[TP, int]:
        return {}

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Faust would complain that the streams get nothing; they are not meant to."""

    async def commit_as_member(
        self, partition: int, offsets: Mapping[str, int], membership: Membership
    ) -> bool:
        """Commit offsets under this membership; False if that is over."""
        return bool(await self._thread.call_thread(self._thread.commit_lane, partition, offsets, membership))

    async def on_stop(self) -> None:
        await self._listener.on_stopping()
        await super().on_stop()


class LaneTransport(driver.Transport):
    """Faust's aiokafka transport with our consumer."""

    Consumer: ClassVar[Any] = MemberConsumer


__all__ = ["LaneTransport", "MemberConsumer", "MemberListener"]

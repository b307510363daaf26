"""Which mirror reads which subject: membership in a Kafka group on the positions topic, which nobody reads through it."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

from confluent_kafka import Consumer, KafkaException, TopicPartition

from streams.mirror.kafka_writer import KafkaUnavailable

logger = logging.getLogger(__name__)

_POLL_SECONDS = 0.2


class Ownership:
    """``changed`` is called on the event loop with the partitions that are ours, whenever they change.

    The group only shares the work out; what makes a subject safe is its transactional id. A mirror that was taken for dead
    and writes on is fenced by the next owner.
    """

    def __init__(
        self,
        configuration: Mapping[str, Any],
        topic: str,
        changed: Callable[[frozenset[int]], None],
    ) -> None:
        self._configuration = configuration
        self._topic = topic
        self._changed = changed
        self._owned: frozenset[int] = frozenset()
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(1, "mirror-member")

    async def run(self, left: Event) -> None:
        """A member until ``left`` is set. Raises KafkaUnavailable where the topic is not known."""
        try:
            await self._loop.run_in_executor(self._thread, self._member, left)
        finally:
            self._thread.shutdown(wait=False)

    def _member(self, left: Event) -> None:
        consumer = Consumer(dict(self._configuration))
        try:
            consumer.subscribe(
                [self._topic],
                on_assign=self._assigned,
                on_revoke=self._revoked,
                on_lost=self._revoked,
            )
            while not left.is_set():
                message = consumer.poll(_POLL_SECONDS)
                error = None if message is None else message.error()
                if error is not None and error.fatal():
                    raise KafkaUnavailable(error.str())
        except KafkaException as problem:
            raise KafkaUnavailable(problem.args[0].str()) from problem
        finally:
            consumer.close()

    def _assigned(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        consumer.incremental_assign(places)
        # Each owner reads its positions itself, when it has fenced the one before.
        consumer.pause(places)
        self._tell(self._owned | {place.partition for place in places})

    def _revoked(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        consumer.incremental_unassign(places)
        self._tell(self._owned - {place.partition for place in places})

    def _tell(self, owned: frozenset[int]) -> None:
        self._owned = owned
        self._loop.call_soon_threadsafe(self._changed, owned)

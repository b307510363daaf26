"""Our own clock: the broker's time, learnt from a small record on `orchestrator.tick`, never the worker's.

Every owned partition gets a tick per interval. A tick moves a quiet partition's time on; before anything is timed out,
the inputs' end offsets are asked for, so that a backlog is read first.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from typing import Any

from confluent_kafka import IsolationLevel, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ListOffsetsResultInfo, OffsetSpec

logger = logging.getLogger(__name__)

ANSWER_SECONDS = 5.0


class Ticker:
    """Writes the ticks. A tick that is lost is made up for by the next one, so nothing is waited for."""

    def __init__(self, configuration: Mapping[str, Any], topic: str) -> None:
        self._topic = topic
        self._producer = Producer(
            dict(configuration)
            | {"enable.idempotence": False, "acks": 1, "message.timeout.ms": 2000, "linger.ms": 0}
        )

    def tick(self, partitions: Iterable[int]) -> None:
        """One record to each partition; its value is empty, its timestamp is what counts."""
        self._producer.poll(0)
        for partition in partitions:
            try:
                self._producer.produce(self._topic, b"", None, partition)
            except (BufferError, KafkaException) as error:
                logger.warning("no tick on partition %d: %s", partition, error)

    def close(self) -> None:
        self._producer.purge()


class Ends:
    """Asks for end offsets, high watermarks: also what an open transaction has written may have come in time."""

    def __init__(self, configuration: Mapping[str, Any], topics: Iterable[str]) -> None:
        self._configuration = dict(configuration)
        self._admin = AdminClient(self._configuration)
        self._topics = tuple(topics)

    async def ask(self, partitions: Iterable[int]) -> dict[int, dict[str, int]]:
        """Per partition and topic the end offset. Raises KafkaException if one could not be had."""
        places = {TopicPartition(topic, p): OffsetSpec.latest() for p in partitions for topic in self._topics}
        if not places:
            return {}
        futures = self._admin.list_offsets(
            places, isolation_level=IsolationLevel.READ_UNCOMMITTED, request_timeout=ANSWER_SECONDS
        )
        ends: dict[int, dict[str, int]] = {}
        try:
            for place, future in futures.items():
                info = await _answer(future)
                ends.setdefault(place.partition, {})[place.topic] = info.offset
        except KafkaException:
            # After a change of leaders the admin client goes on asking with the epoch that it has cached, and is refused
            # (FENCED_LEADER_EPOCH) for as long as nothing makes it refresh: deadlines would wait for minutes.
            self._admin = AdminClient(self._configuration)
            raise
        return ends


async def _answer(future: "Future[ListOffsetsResultInfo]") -> ListOffsetsResultInfo:
    return await asyncio.wait_for(asyncio.wrap_future(future), ANSWER_SECONDS * 2)


class EndsForMany:
    """Gathers the partitions that ask at about the same time into one request."""

    def __init__(self, ends: Ends, answer: Callable[[int, Mapping[str, int] | None], None]) -> None:
        self._ends = ends
        self._answer = answer
        self._asking: set[int] = set()
        self._asked = asyncio.Event()

    def ask(self, partition: int) -> None:
        self._asking.add(partition)
        self._asked.set()

    async def run(self) -> None:
        while True:
            await self._asked.wait()
            # The ticks of all partitions are read within a few milliseconds.
            await asyncio.sleep(0.01)
            self._asked.clear()
            asking, self._asking = self._asking, set()
            try:
                ends = await self._ends.ask(asking)
            except (KafkaException, TimeoutError) as error:
                logger.warning("no end offsets, deadlines wait: %s", error)
                ends = {}
            for partition in asking:
                self._answer(partition, ends.get(partition))

"""The mirror as a whole: one connection after the other, on each of them both ways."""

import asyncio
import logging
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from config.errors import ConfigurationError
from config.nats_settings import NatsSettings
from streams.mirror.client import MirrorClient
from streams.mirror.connection import NatsRefused, NatsUnavailable, addresses, connect
from streams.mirror.inbound import InboundSettings
from streams.mirror.inbound_share import InboundShare
from streams.mirror.jetstream import UNAVAILABLE, Feed, JetStreamRefused, ensure_stream
from streams.mirror.kafka_writer import KafkaUnavailable
from streams.mirror.observer import MirrorObserver
from streams.mirror.outbound import Outbound
from streams.mirror.outbound_message import OutboundRules
from streams.mirror.outbound_reader import OutboundReader
from streams.mirror.publisher import Publisher
from streams.mirror.waiting import pause

logger = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 10.0
STEADY_SECONDS = 30.0
"""A connection that held for so long begins the pauses anew."""
STOP_SECONDS = 20.0
REFUSALS = (NatsRefused, JetStreamRefused, ConfigurationError)
OUTAGES = (NatsUnavailable, KafkaUnavailable, *UNAVAILABLE)


@dataclass(frozen=True, slots=True)
class MirrorSettings:
    """``partitions``: of the positions topic. The configurations are librdkafka's, of one group each."""

    nats: NatsSettings
    name: str
    feeds: Sequence[Feed]
    inbound: InboundSettings
    outbound: OutboundRules
    partitions: int
    member_configuration: Mapping[str, Any]
    reader_configuration: Mapping[str, Any]


class Mirror:
    def __init__(self, settings: MirrorSettings, observer: MirrorObserver) -> None:
        self._settings = settings
        self._observer = observer
        self._stopping = asyncio.Event()
        self._warned: set[str] = set()
        self._connected = False

    def stop(self) -> None:
        """What is on its way is finished; ``run`` returns."""
        self._stopping.set()

    async def run(self, *, refusals_end_it: bool) -> None:
        """Until ``stop``. An outage is waited for, with growing pauses, for ever.

        ``refusals_end_it``: raise NatsRefused, JetStreamRefused and ConfigurationError where the first connection meets one;
        else, and later, it is logged and tried again, since nothing else may stop for NATS.
        """
        loop = asyncio.get_running_loop()
        seconds = FIRST_PAUSE_SECONDS
        while not self._stopping.is_set():
            began = loop.time()
            try:
                await self._connection()
            except REFUSALS as refused:
                if refusals_end_it and not self._connected:
                    raise
                logger.error("the mirror: %s", refused)
            except OUTAGES as problem:
                logger.warning("the mirror: %s; connecting again", problem)
            self._observer.health("degraded")
            if self._stopping.is_set():
                break
            self._observer.failed("nats")
            if loop.time() - began > STEADY_SECONDS:
                seconds = FIRST_PAUSE_SECONDS
            await pause(self._stopping, seconds * random.uniform(0.5, 1.0))
            seconds = min(2 * seconds, LONGEST_PAUSE_SECONDS)

    async def _connection(self) -> None:
        """One connection, until it is lost or ``stop``."""
        settings = self._settings
        lost = asyncio.Event()
        client = await connect(settings.nats, settings.name, lost)
        try:
            context = client.jetstream(timeout=5.0)
            stream = settings.inbound.stream
            subjects = [*(feed.subject for feed in settings.feeds), *settings.outbound.subjects.values()]
            for warning in await ensure_stream(
                context, stream, subjects, syncs_always=settings.nats.nats_sync_always
            ):
                if warning not in self._warned:
                    logger.warning("%s", warning)
                    self._warned.add(warning)
            info = await context.stream_info(stream)
            largest = min([client.max_payload, *_positive(info.config.max_msg_size)])
            logger.info("the mirror is connected to %s", addresses(settings.nats))
            self._connected = True
            self._observer.health("ok")
            await self._both_ways(client, lost, largest)
        except BaseExceptionGroup as group:
            raise _telling(group) from group
        finally:
            await _closed(client)
        if lost.is_set() and not self._stopping.is_set():
            raise NatsUnavailable(f"{addresses(settings.nats)}: the connection was lost")

    async def _both_ways(self, client: MirrorClient, lost: asyncio.Event, largest: int) -> None:
        settings = self._settings
        context = client.jetstream(timeout=5.0)
        inbound = InboundShare(
            settings.inbound,
            settings.feeds,
            settings.partitions,
            settings.member_configuration,
            client,
            context,
            self._observer,
        )
        reader = OutboundReader(settings.reader_configuration, list(settings.outbound.subjects))
        outbound = Outbound(settings.outbound, reader, Publisher(client), largest, self._observer)

        over = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(inbound.run(over))
            tasks.create_task(outbound.run(over))
            ends = [asyncio.create_task(event.wait()) for event in (lost, self._stopping)]
            try:
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for end in ends:
                    end.cancel()
            over.set()


async def _closed(client: MirrorClient) -> None:
    try:
        async with asyncio.timeout(5.0):
            await client.close()
    except Exception:
        # It was lost anyway; what matters is that nothing of it goes on.
        logger.debug("closing a lost connection", exc_info=True)


def _positive(size: int | None) -> list[int]:
    return [size] if size is not None and size > 0 else []


def _telling(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Of what ended several tasks the one that says most: an error of our own, then a refusal, then an outage."""
    found: list[BaseException] = []
    groups: list[BaseExceptionGroup[BaseException]] = [group]
    while groups:
        for each in groups.pop().exceptions:
            if isinstance(each, BaseExceptionGroup):
                groups.append(each)
            else:
                found.append(each)
    return min(found, key=lambda each: isinstance(each, REFUSALS) + 2 * isinstance(each, OUTAGES))

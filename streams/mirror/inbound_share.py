"""This mirror's share of the way in: one task for each subject whose partition of the positions topic it owns."""

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

from nats.js import JetStreamContext

from streams.mirror.client import MirrorClient
from streams.mirror.inbound import Inbound, InboundSettings
from streams.mirror.jetstream import UNAVAILABLE, Feed
from streams.mirror.observer import MirrorObserver
from streams.mirror.ownership import Ownership
from streams.mirror.position import home_of, position_key
from streams.mirror.waiting import pause

LAG_SECONDS = 2.0


class InboundShare:
    """``partitions``: how many the positions topic has. For one connection."""

    def __init__(
        self,
        settings: InboundSettings,
        feeds: Sequence[Feed],
        partitions: int,
        member_configuration: Mapping[str, Any],
        client: MirrorClient,
        context: JetStreamContext,
        observer: MirrorObserver,
    ) -> None:
        self._settings = settings
        self._homes = {
            feed: home_of(position_key(settings.stream, feed.subject), partitions) for feed in feeds
        }
        self._member_configuration = member_configuration
        self._client = client
        self._context = context
        self._observer = observer
        self._owned: frozenset[int] = frozenset()
        self._changed = asyncio.Event()

    async def run(self, over: asyncio.Event) -> None:
        """Until ``over`` is set. Raises NatsUnavailable, KafkaUnavailable, JetStreamRefused."""
        threads = ThreadPoolExecutor(len(self._homes) + 1, "mirror-in")
        left = Event()
        member = Ownership(self._member_configuration, self._settings.positions_topic, self._now_owned)
        running: dict[Feed, tuple[asyncio.Event, asyncio.Task[None]]] = {}
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(member.run(left))
                tasks.create_task(self._watch_lag(over))
                tasks.create_task(self._wake(over))
                while not over.is_set():
                    self._changed.clear()
                    for feed, home in self._homes.items():
                        released, task = running.get(feed, (None, None))
                        if home not in self._owned:
                            if released is not None:
                                released.set()
                        elif task is None or task.done():
                            released = asyncio.Event()
                            task = tasks.create_task(self._read(feed, home, threads, released))
                            task.add_done_callback(lambda _: self._changed.set())
                            running[feed] = released, task
                    await self._changed.wait()
                for released, _ in running.values():
                    released.set()
                left.set()
        finally:
            # Also where a task has failed: the member's thread must not outlive the connection.
            left.set()
            threads.shutdown(wait=False)

    def _now_owned(self, owned: frozenset[int]) -> None:
        self._owned = owned
        self._changed.set()

    async def _wake(self, over: asyncio.Event) -> None:
        await over.wait()
        self._changed.set()

    async def _read(
        self, feed: Feed, home: int, threads: ThreadPoolExecutor, released: asyncio.Event
    ) -> None:
        reader = Inbound(self._settings, feed, home, self._client, self._context, threads, self._observer)
        try:
            await reader.run(released)
        finally:
            self._observer.forget_lag("in", feed.subject)

    async def _watch_lag(self, over: asyncio.Event) -> None:
        while not over.is_set():
            for feed, home in self._homes.items():
                if home not in self._owned:
                    continue
                try:
                    info = await self._context.consumer_info(self._settings.stream, feed.durable)
                except UNAVAILABLE:
                    # Whoever reads the subject meets it too, and says so.
                    continue
                self._observer.lag("in", feed.subject, (info.num_pending or 0) + (info.num_ack_pending or 0))
            await pause(over, LAG_SECONDS)

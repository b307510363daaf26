"""The mirror within a worker: for small set-ups, where one process is enough."""

import asyncio
from collections.abc import Callable
from typing import Any

from mode import Service

from streams.mirror.mirror import STOP_SECONDS, Mirror


class MirrorService(Service):
    """Whatever NATS does, the worker goes on deciding; only an error of our own ends it."""

    def __init__(self, mirror: Mirror, on_crash: Callable[[BaseException], None], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._mirror = mirror
        self._on_crash = on_crash
        self._running: asyncio.Task[None] | None = None

    async def on_start(self) -> None:
        self._running = asyncio.create_task(self._run())

    async def on_stop(self) -> None:
        self._mirror.stop()
        if self._running is not None:
            await asyncio.wait({self._running}, timeout=STOP_SECONDS)

    async def _run(self) -> None:
        try:
            await self._mirror.run(refusals_end_it=False)
        except Exception as error:  # noqa: BLE001 - half a worker would be taken for a whole one
            self._on_crash(error)

"""A mirror under test, and the NATS side of it as an agent of another team would use it: with nats-py alone."""

import asyncio
import json
import sys
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext

from orchestration.canonical import canonical_json
from tests.real.worker_process import Worker

MIRROR_COMMAND = (sys.executable, "-m", "agents.cli.main", "mirror")
WORKER_WITH_MIRROR_COMMAND = (sys.executable, "-m", "agents.cli.main", "worker", "--with-mirror")
PATIENCE_SECONDS = 60.0


def mirror_process(folder: Path, name: str, environment: Mapping[str, str]) -> Worker:
    """`orchestrator mirror`, not started yet. It has a name of its own: what it owned it has again when it is back."""
    return Worker(
        folder / f"mirror-{name}",
        folder / f"mirror-{name}.log",
        {"ORCHESTRATOR_WORKER_ID": name, **environment},
        MIRROR_COMMAND,
    )


def names_of_our_own() -> dict[str, str]:
    """A stream name and a durable that no other test on the same server uses."""
    mark = uuid.uuid4().hex[:8]
    return {"NATS_STREAM": f"stream-{mark}", "NATS_DURABLE": f"durable-{mark}"}


class NatsSide:
    """Publishes with acknowledgement and collects what arrives on subjects, in order."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.context: JetStreamContext = client.jetstream()
        self.received: list[Msg] = []
        self._arrived = asyncio.Event()

    async def publish(self, subject: str, body: Mapping[str, Any] | bytes, **headers: str) -> None:
        value = body if isinstance(body, bytes) else canonical_json(body)
        named = {
            name.replace("_", "-") if name.startswith("Nats") else name: text
            for name, text in headers.items()
        }
        await self.context.publish(subject, value, headers=named or None)

    async def listen(self, *subjects: str) -> None:
        async def take(message: Msg) -> None:
            self.received.append(message)
            self._arrived.set()

        for subject in subjects:
            await self.client.subscribe(subject, cb=take)
        await self.client.flush()

    def of(self, subject: str) -> list[Msg]:
        return [message for message in self.received if message.subject == subject]

    def bodies(self, subject: str) -> list[dict[str, Any]]:
        return [json.loads(message.data) for message in self.of(subject)]

    async def wait_for(
        self, subject: str, corr_ids: Iterable[str], seconds: float = PATIENCE_SECONDS
    ) -> None:
        """A message of each corr_id on this subject."""
        wanted = set(corr_ids)
        await self.wait_until(
            lambda: not wanted - {body["corr_id"] for body in self.bodies(subject)}, seconds
        )

    async def wait_until(self, true: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> None:
        """Asked again with each message that arrives."""
        async with asyncio.timeout(seconds):
            while not true():
                self._arrived.clear()
                await self._arrived.wait()


@asynccontextmanager
async def nats_side(url: str, **options: Any) -> AsyncIterator[NatsSide]:
    client = await nats.connect(url, **options)
    try:
        yield NatsSide(client)
    finally:
        await client.close()

"""Publishes to JetStream many messages at a time, and knows of each whether the stream has it."""

import asyncio
import contextlib
import json
from collections.abc import Sequence
from typing import NamedTuple

from nats.aio.msg import Msg

from streams.mirror.client import MirrorClient, SentHeaders
from streams.mirror.connection import NatsUnavailable

ANSWER_SECONDS = 5.0
TOO_LARGE = 10054


class Outgoing(NamedTuple):
    subject: str
    value: bytes
    headers: Sequence[tuple[str, str]]


class Refusal(NamedTuple):
    """``code``: JetStream's, 0 where no answer came or nobody was there to give it."""

    code: int
    text: str


class Publisher:
    """One for each connection. Messages are sent in the order in which they are given."""

    def __init__(self, client: MirrorClient) -> None:
        self._client = client
        self._inbox = client.new_inbox()
        self._round = 0
        self._pending: dict[str, int] = {}
        self._refused: dict[int, Refusal] = {}
        self._answered = asyncio.Event()

    async def start(self) -> None:
        await self._client.subscribe(f"{self._inbox}.*", cb=self._answer)

    async def publish(self, messages: Sequence[Outgoing]) -> dict[int, Refusal]:
        """Of each that the stream does not surely have its index and why. Raises NatsUnavailable."""
        self._round += 1
        self._pending = {}
        self._refused = {}
        self._answered.clear()
        try:
            for index, message in enumerate(messages):
                token = f"{self._round}-{index}"
                self._pending[token] = index
                await self._client.publish(
                    message.subject, message.value, f"{self._inbox}.{token}", SentHeaders(message.headers)
                )
        except Exception as error:
            raise NatsUnavailable(f"publishing: {error}") from error
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ANSWER_SECONDS):
                while self._pending:
                    self._answered.clear()
                    await self._answered.wait()
        if self._client.is_closed:
            raise NatsUnavailable("the connection was lost")
        missing = {index: Refusal(0, "no answer") for index in self._pending.values()}
        return missing | self._refused

    async def _answer(self, message: Msg) -> None:
        index = self._pending.pop(message.subject.rpartition(".")[2], None)
        if index is None:
            # Of a round that was given up: it is sent again, and known by its id.
            return
        if not message.data:
            self._refused[index] = Refusal(0, "no stream takes the subject")
        elif b'"error"' in message.data:
            error = json.loads(message.data).get("error")
            if error is not None:
                self._refused[index] = Refusal(error.get("err_code", 0), error.get("description", ""))
        if not self._pending:
            self._answered.set()

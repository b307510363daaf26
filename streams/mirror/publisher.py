"""Publishes to JetStream many messages at a time, and knows of each whether the stream has it."""

import asyncio
import contextlib
import json
from collections.abc import Mapping, Sequence
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
    """One for each connection. Of messages that follow each other the next is sent when the one before is in the stream."""

    def __init__(self, client: MirrorClient) -> None:
        self._client = client
        self._inbox = client.new_inbox()
        self._round = 0
        self._messages: Sequence[Outgoing] = ()
        self._following: Mapping[int, int] = {}
        self._missing: set[int] = set()
        self._refused: dict[int, Refusal] = {}
        self._sent = 0
        self._over = asyncio.Event()

    async def start(self) -> None:
        await self._client.subscribe(f"{self._inbox}.*", cb=self._answer)

    async def publish(self, messages: Sequence[Outgoing], following: Mapping[int, int]) -> dict[int, Refusal]:
        """Of each that the stream does not surely have its index and why.

        ``following``: by an index that of the message to be sent after it. Raises NatsUnavailable.
        """
        self._round += 1
        self._messages, self._following = messages, following
        self._missing = set(range(len(messages)))
        self._refused = {}
        self._sent = 0
        behind = set(following.values())
        for index in range(len(messages)):
            if index not in behind:
                await self._send(index)
        while self._sent and not self._client.is_closed:
            # It may have been set between two sends, when all before were answered.
            self._over.clear()
            before = self._sent, len(self._missing)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(ANSWER_SECONDS):
                    await self._over.wait()
            if (self._sent, len(self._missing)) == before:
                break
        if self._client.is_closed:
            raise NatsUnavailable("the connection was lost")
        # Answers that still come belong to a round that is over.
        self._round += 1
        missing = {index: Refusal(0, "no answer") for index in self._missing}
        return missing | self._refused

    async def _send(self, index: int) -> None:
        message = self._messages[index]
        self._sent += 1
        try:
            await self._client.publish(
                message.subject,
                message.value,
                f"{self._inbox}.{self._round}-{index}",
                SentHeaders(message.headers),
            )
        except Exception as error:
            raise NatsUnavailable(f"publishing: {error}") from error

    async def _answer(self, message: Msg) -> None:
        number, _, place = message.subject.rpartition(".")[2].partition("-")
        if int(number) != self._round:
            # Of a round that was given up: it is sent again, and known by its id.
            return
        index = int(place)
        refusal = _refusal(message)
        self._sent -= 1
        if refusal is not None:
            self._refused[index] = refusal
        else:
            self._missing.discard(index)
            follower = self._following.get(index)
            if follower is not None:
                with contextlib.suppress(NatsUnavailable):
                    await self._send(follower)
        if self._sent == 0:
            self._over.set()


def _refusal(message: Msg) -> Refusal | None:
    if not message.data:
        return Refusal(0, "no stream takes the subject")
    if b'"error"' not in message.data:
        return None
    error = json.loads(message.data).get("error")
    return None if error is None else Refusal(error.get("err_code", 0), error.get("description", ""))

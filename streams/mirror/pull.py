"""A durable pull consumer, read as a flow: pulls are renewed before they run out, and a silent server is noticed."""

import asyncio
import base64
import contextlib
import json
import time
from collections import deque
from datetime import UTC, datetime
from typing import Any

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from streams.mirror.client import MirrorClient, pairs_of
from streams.mirror.connection import NatsUnavailable
from streams.mirror.message import StreamMessage, delivered, header_pairs

PULL = 1000
"""Messages of one pull. The next is asked for when half of it is here."""
PULL_SECONDS = 10.0
HEARTBEAT_SECONDS = 1.0
SILENCE_SECONDS = 4.0
REQUEST_SECONDS = 5.0
_NANOSECONDS = 1_000_000_000
_NO_MESSAGE = 10037


class PullConsumer:
    """``take`` hands over what has come. Whoever stops taking stops the flow: at most two pulls are unread.

    ``silence_seconds``: pull subscriptions have gone silent for good after restarts of a server; without any sign of life
    for so long the pull is made anew.
    """

    def __init__(
        self, client: MirrorClient, stream: str, durable: str, silence_seconds: float = SILENCE_SECONDS
    ) -> None:
        self._silence_seconds = silence_seconds
        self._client = client
        self._stream = stream
        self._next = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}"
        self._waiting: deque[StreamMessage] = deque()
        self._arrived = asyncio.Event()
        self._asked = 0
        self._asked_until = 0.0
        self._over = ""
        self._heard = time.monotonic()
        self._inbox = ""
        self._subscription: Subscription | None = None
        self.renewals = 0
        """How often the pull was made anew because the server had gone silent."""

    async def start(self) -> None:
        self._inbox = self._client.new_inbox()
        self._subscription = await self._client.subscribe(self._inbox, cb=self._received)
        self._asked = 0
        self._heard = time.monotonic()
        await self._pull()

    async def stop(self) -> None:
        subscription, self._subscription = self._subscription, None
        if subscription is not None and not self._client.is_closed:
            with contextlib.suppress(Exception):
                await subscription.unsubscribe()

    async def take(self, most: int, wait_seconds: float) -> list[StreamMessage]:
        """What has come, in the order of its delivery; waits for the first for that long. May be empty.

        Raises NatsUnavailable where the server has ended the flow.
        """
        if not self._waiting:
            self._arrived.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_seconds):
                    await self._arrived.wait()
        taken = [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]
        await self._watch()
        return taken

    @property
    def untaken(self) -> list[StreamMessage]:
        """Delivered and not taken yet."""
        return list(self._waiting)

    async def acknowledge(self, messages: list[tuple[str, bytes]]) -> None:
        """Send acknowledgements (reply, body) and return when the server has taken the last, and with it all before it.

        Raises NatsUnavailable where it does not answer.
        """
        if not messages:
            return
        *first, (last, body) = messages
        try:
            for reply, answer in first:
                await self._client.publish(reply, answer)
            # The server works on a consumer's acknowledgements in their order: this answer is one for all of them.
            await self._client.request(last, body, timeout=REQUEST_SECONDS)
        except Exception as error:
            raise NatsUnavailable(f"acknowledging: {error}") from error

    async def tell(self, messages: list[tuple[str, bytes]]) -> None:
        """The same without waiting: for what does no harm when it is lost."""
        with contextlib.suppress(Exception):
            for reply, answer in messages:
                await self._client.publish(reply, answer)

    async def read_after(self, subject: str, sequence: int) -> StreamMessage | None:
        """The stream's next message of the subject behind ``sequence``, whether or not a consumer has delivered it."""
        question = json.dumps({"seq": sequence + 1, "next_by_subj": subject}).encode()
        try:
            reply = await self._client.request(
                f"$JS.API.STREAM.MSG.GET.{self._stream}", question, timeout=REQUEST_SECONDS
            )
            answer: dict[str, Any] = json.loads(reply.data)
        except Exception as error:
            raise NatsUnavailable(f"reading {subject}: {error}") from error
        problem = answer.get("error")
        if problem is not None:
            if problem.get("err_code") == _NO_MESSAGE:
                return None
            raise NatsUnavailable(f"reading {subject}: {problem.get('description')}")
        found = answer["message"]
        return StreamMessage(
            found["subject"],
            base64.b64decode(found.get("data", "")),
            header_pairs(base64.b64decode(found.get("hdrs", ""))),
            found["seq"],
            nanoseconds(found["time"]),
            0,
            "",
        )

    async def _received(self, message: Msg) -> None:
        self._heard = time.monotonic()
        made = delivered(message.subject, message.data, pairs_of(message.headers), message.reply)
        if made is not None:
            self._asked = max(0, self._asked - 1)
            self._waiting.append(made)
            self._arrived.set()
            return
        headers = message.headers or {}
        status, text = headers.get("Status", ""), headers.get("Description", "")
        if status in {"404", "408"} or "MaxBytes" in text or "Batch Completed" in text:
            # The pull is over; `_watch` asks again.
            self._asked = 0
            self._arrived.set()
        elif status and status != "100":
            # The consumer is gone, or its server is going: whoever takes next learns of it.
            self._over = f"{status} {text}"
            self._arrived.set()

    async def _watch(self) -> None:
        if self._over and not self._waiting:
            raise NatsUnavailable(f"the server has ended the pull: {self._over}")
        now = time.monotonic()
        if now - self._heard > self._silence_seconds:
            self.renewals += 1
            await self.stop()
            try:
                await self.start()
            except Exception as error:
                raise NatsUnavailable(f"subscribing: {error}") from error
        elif self._asked < PULL // 2 and len(self._waiting) < PULL:
            await self._pull()
        elif now > self._asked_until:
            self._asked = 0

    async def _pull(self) -> None:
        request = {
            "batch": PULL,
            # The largest message that a server can be told to allow: one alone always fits.
            "max_bytes": 64 * 1024 * 1024,
            "expires": int(PULL_SECONDS * _NANOSECONDS),
            "idle_heartbeat": int(HEARTBEAT_SECONDS * _NANOSECONDS),
        }
        try:
            await self._client.publish(self._next, json.dumps(request).encode(), self._inbox)
        except Exception as error:
            raise NatsUnavailable(f"pulling: {error}") from error
        self._asked += PULL
        self._asked_until = time.monotonic() + PULL_SECONDS + HEARTBEAT_SECONDS


def nanoseconds(text: str) -> int:
    """Of a server's RFC 3339 time in UTC, which has up to nine digits behind the second."""
    whole, _, fraction = text.removesuffix("Z").partition(".")
    seconds = int(datetime.fromisoformat(whole).replace(tzinfo=UTC).timestamp())
    return seconds * _NANOSECONDS + int(fraction.ljust(9, "0") or 0)

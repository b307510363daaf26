"""One subject on its way into Kafka: in the order of the stream, each message once, acknowledged when Kafka has it.

A session begins with the fence, then the position, then what others were handed and did not finish; only then it takes
what comes. Any failure ends the session, and the next one begins there: start and recovery are one path.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaException
from nats.js import JetStreamContext

from streams.mirror.client import MirrorClient
from streams.mirror.connection import NatsUnavailable
from streams.mirror.headers import came_from_kafka
from streams.mirror.inbound_message import converted
from streams.mirror.jetstream import ACK_WAIT_SECONDS, UNAVAILABLE, Feed, ensure_consumer
from streams.mirror.kafka_writer import KafkaUnavailable, KafkaWriter, RecordsRefused, SubjectTaken
from streams.mirror.message import StreamMessage
from streams.mirror.observer import MirrorObserver
from streams.mirror.position import Position, position_key, read_position
from streams.mirror.pull import PullConsumer
from streams.mirror.waiting import pause

logger = logging.getLogger(__name__)

ACK, TERM, PROGRESS = b"+ACK", b"+TERM", b"+WPI"
BATCH = 2000
TAKE_SECONDS = 0.5
LONGEST_DELAY_SECONDS = 30.0
_NANOSECONDS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class InboundSettings:
    """``outbound_subjects``: those that the mirror itself writes to, where its own messages have to be known again."""

    stream: str
    header_names: tuple[str, ...]
    outbound_subjects: frozenset[str]
    positions_topic: str
    writer_configuration: Mapping[str, Any]
    consumer_configuration: Mapping[str, Any]
    transactional_prefix: str
    transaction_timeout: float


class Inbound:
    """``partition``: that of the positions topic in which this subject's position is kept."""

    def __init__(
        self,
        settings: InboundSettings,
        feed: Feed,
        partition: int,
        client: MirrorClient,
        context: JetStreamContext,
        threads: ThreadPoolExecutor,
        observer: MirrorObserver,
    ) -> None:
        self._settings = settings
        self._feed = feed
        self._partition = partition
        self._client = client
        self._context = context
        self._threads = threads
        self._observer = observer
        self._key = position_key(settings.stream, feed.subject)
        self._both_ways = feed.subject in settings.outbound_subjects
        self._pull = PullConsumer(client, settings.stream, feed.durable)
        self._writer: KafkaWriter | None = None
        self._position = Position()
        self._ack_wait = ACK_WAIT_SECONDS
        self._cursor = 0
        self._delivery = 0
        self._gap = False
        self._taken: list[StreamMessage] = []
        self._terminated: frozenset[int] = frozenset()
        self._refused: set[int] = set()
        self._failures = 0

    async def run(self, over: asyncio.Event) -> None:
        """Until ``over`` is set, or as long as another mirror does not take the subject. Raises NatsUnavailable, JetStreamRefused."""
        while not over.is_set():
            try:
                await self._session(over)
            except SubjectTaken:
                logger.info("%s: another mirror reads it now", self._feed.subject)
                await pause(over, 1.0)
            except (KafkaUnavailable, KafkaException) as problem:
                self._failures += 1
                self._observer.failed("in")
                delay = min(LONGEST_DELAY_SECONDS, 0.5 * 2 ** min(self._failures, 10))
                logger.warning(
                    "%s: Kafka does not take it: %s; trying again in %g s", self._feed.subject, problem, delay
                )
                await self._give_back(delay)
                await pause(over, delay)
            except UNAVAILABLE as problem:
                raise NatsUnavailable(f"{self._feed.subject}: {problem}") from problem
            finally:
                await self._pull.stop()
                if self._writer is not None:
                    self._writer.close()
                    self._writer = None

    async def _session(self, over: asyncio.Event) -> None:
        settings = self._settings
        self._pull = PullConsumer(self._client, settings.stream, self._feed.durable)
        self._ack_wait = await ensure_consumer(self._context, settings.stream, self._feed)
        writer = self._writer = KafkaWriter(
            settings.writer_configuration,
            f"{settings.transactional_prefix}-{self._feed.subject}",
            settings.transaction_timeout,
            watched=self._failures > 0,
        )
        await self._in_thread(lambda: writer.fence(over.is_set))
        self._position = await self._in_thread(
            lambda: read_position(
                settings.consumer_configuration,
                settings.positions_topic,
                self._partition,
                self._key,
                over.is_set,
            )
        )
        if await self._catch_up(over) and self._recovered():
            return
        await self._pull.start()
        while not over.is_set():
            self._taken = await self._pull.take(BATCH, TAKE_SECONDS)
            fresh = await self._fresh(self._taken)
            if fresh:
                await self._write(fresh)
            await self._pull.acknowledge([(message.reply, self._answer(message)) for message in self._taken])
            self._taken = []
            if fresh and self._recovered():
                break
        await self._give_back(0.0)

    def _recovered(self) -> bool:
        """Whether this session was one after a failure. It goes well again: the next need not look at each record."""
        was_failing, self._failures = self._failures > 0, 0
        self._refused.clear()
        return was_failing

    async def _catch_up(self, over: asyncio.Event) -> bool:
        """Take from the stream itself what was delivered to somebody and is not in Kafka. Whether there was any.

        Left to redelivery these would come when their wait is over, behind what is newer: an agent's correction would stand
        in the log before what it corrects, and a dead mirror's messages would miss their deadlines.
        """
        info = await self._context.consumer_info(self._settings.stream, self._feed.durable)
        assert info.delivered is not None
        assert info.ack_floor is not None
        stream = await self._context.stream_info(self._settings.stream)
        went_back = stream.state.last_seq < self._position.sequence
        made_anew = (
            stream.created is not None and stream.created.timestamp() * _NANOSECONDS > self._position.time
        )
        if self._position.sequence and (went_back or made_anew):
            logger.warning(
                "%s: stream %s is not the one that was read to sequence %d: going on by the time of its messages",
                self._feed.subject,
                self._settings.stream,
                self._position.sequence,
            )
            self._cursor = info.ack_floor.stream_seq
        else:
            self._cursor = self._position.sequence
        delivered_to, some = info.delivered.stream_seq, False
        while self._cursor < delivered_to and not over.is_set():
            found = await self._read_up_to(delivered_to + 1, BATCH)
            if not found:
                break
            await self._write(found)
            some = True
        self._delivery, self._gap = info.delivered.consumer_seq, False
        return some

    async def _fresh(self, taken: list[StreamMessage]) -> list[StreamMessage]:
        """Those that Kafka does not have, in the order of the stream and without gaps."""
        fresh: list[StreamMessage] = []
        repeats = 0
        for message in taken:
            # A consumer numbers its deliveries, whoever gets them. Remembered until it is looked into: behind a position
            # that passes over a message nobody would take it any more.
            self._gap = self._gap or message.delivery != self._delivery + 1
            self._delivery = message.delivery
            if self._position.covers(message) or (fresh and message.sequence <= fresh[-1].sequence):
                repeats += 1
                continue
            if self._gap:
                fresh += await self._read_up_to(message.sequence)
                self._gap = False
            fresh.append(message)
            self._cursor = message.sequence
        if repeats:
            self._observer.skipped("in", "duplicate", repeats)
        return fresh

    async def _read_up_to(self, end: int, most: int | None = None) -> list[StreamMessage]:
        """What the stream has of the subject from the cursor to before ``end`` and Kafka has not."""
        found: list[StreamMessage] = []
        while most is None or len(found) < most:
            message = await self._pull.read_after(self._feed.subject, self._cursor)
            if message is None or message.sequence >= end:
                break
            self._cursor = message.sequence
            if not self._position.covers(message):
                found.append(message)
        return found

    async def _write(self, messages: list[StreamMessage]) -> None:
        """One transaction: the records and the position behind them."""
        settings, feed = self._settings, self._feed
        position = self._position
        for message in messages:
            position = position.after(message)
        carried = [
            message
            for message in messages
            if not (self._both_ways and came_from_kafka(message.headers, feed.topic))
        ]
        made = [
            converted(
                message,
                feed,
                settings.stream,
                settings.header_names,
                refused=message.sequence in self._refused,
            )
            for message in carried
        ]
        writer = self._writer
        assert writer is not None
        place = (settings.positions_topic, self._partition, self._key, position.encoded())
        try:
            await self._patiently(lambda: writer.write([each.message for each in made], place))
        except RecordsRefused as refused:
            self._refused.update(carried[index].sequence for index in refused.indexes)
            raise KafkaUnavailable(f"{refused}; they become dead letters") from None
        self._position = position
        dead = {
            message.sequence: each.dead_letter
            for message, each in zip(carried, made, strict=True)
            if each.dead_letter is not None
        }
        for reason in dead.values():
            logger.error("%s: a message is dead-lettered: %s", feed.subject, reason)
            self._observer.dead_letter(feed.topic, reason)
        self._terminated = frozenset(dead)
        self._observer.mirrored("in", len(carried) - len(dead))
        if len(carried) < len(messages):
            self._observer.skipped("in", "origin", len(messages) - len(carried))

    def _answer(self, message: StreamMessage) -> bytes:
        return TERM if message.sequence in self._terminated else ACK

    async def _patiently(self, work: Callable[[], None]) -> None:
        """Do it in a thread, and tell the server meanwhile that what it has delivered is being worked on."""
        running = asyncio.ensure_future(self._in_thread(work))
        # Where the connection is lost meanwhile nobody waits for it any more, and how it ended the position tells.
        running.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        while True:
            done, _ = await asyncio.wait({running}, timeout=self._ack_wait / 3)
            if done:
                running.result()
                return
            await self._pull.tell([(each.reply, PROGRESS) for each in (*self._taken, *self._pull.untaken)])

    async def _give_back(self, delay: float) -> None:
        """What was delivered and is not in Kafka: for whoever reads the subject next, at once or after the delay."""
        answer = (
            b"-NAK" if not delay else b"-NAK " + json.dumps({"delay": int(delay * _NANOSECONDS)}).encode()
        )
        await self._pull.tell([(message.reply, answer) for message in (*self._taken, *self._pull.untaken)])
        self._taken = []

    async def _in_thread(self, work: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

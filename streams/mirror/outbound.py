"""The way out: every output topic to its subject, in order for each corr_id, offsets committed for what JetStream has."""

import asyncio
import logging
import random
from collections.abc import Sequence

from orchestration.record import LogRecord
from streams.mirror.connection import NatsUnavailable
from streams.mirror.observer import MirrorObserver
from streams.mirror.outbound_message import OutboundRules, carried, followers, outgoing, pointer
from streams.mirror.outbound_reader import OutboundReader
from streams.mirror.publisher import TOO_LARGE, Publisher

logger = logging.getLogger(__name__)

TRIES = 6
FIRST_PAUSE_SECONDS = 0.2


class Outbound:
    """``largest``: bytes of headers and value that server and stream take."""

    def __init__(
        self,
        rules: OutboundRules,
        reader: OutboundReader,
        publisher: Publisher,
        largest: int,
        observer: MirrorObserver,
    ) -> None:
        self._rules = rules
        self._reader = reader
        self._publisher = publisher
        self._largest = largest
        self._observer = observer
        self._shown: set[str] = set()

    async def run(self, over: asyncio.Event) -> None:
        """Until ``over`` is set. Raises NatsUnavailable, KafkaUnavailable; what was not committed is read again."""
        await self._publisher.start()
        await self._reader.start()
        try:
            coming = asyncio.ensure_future(self._reader.take())
            try:
                while not over.is_set():
                    records = await coming
                    # The next batch is read while this one is on its way.
                    coming = asyncio.ensure_future(self._reader.take())
                    if records:
                        await self._carry([record for record in records if self._reader.owns(record)])
                    self._show_lag()
            finally:
                await asyncio.wait({coming})
        finally:
            for topic in self._shown:
                self._observer.forget_lag("out", self._rules.subjects[topic])
            await self._reader.stop()

    async def _carry(self, records: list[LogRecord]) -> None:
        sent = [record for record in records if carried(record, self._rules)]
        await self._publish(sent)
        self._reader.commit(records)
        if sent:
            self._observer.mirrored("out", len(sent))
        if len(sent) < len(records):
            self._observer.skipped("out", "origin", len(records) - len(sent))

    async def _publish(self, records: Sequence[LogRecord]) -> None:
        """All of them are in the stream, those of a corr_id in their order."""
        too_large: set[int] = set()
        waiting = list(range(len(records)))
        pause, reasons = FIRST_PAUSE_SECONDS, [""]
        for attempt in range(TRIES):
            messages = [
                pointer(records[index], self._rules)
                if index in too_large
                else outgoing(records[index], self._rules, self._largest)
                for index in waiting
            ]
            following = followers([records[index] for index in waiting])
            refused = await self._publisher.publish(messages, following)
            if not refused:
                return
            self._observer.failed("out")
            reasons = sorted({refusal.text for refusal in refused.values()})[:3]
            logger.warning("%d of %d messages are sent again: %s", len(refused), len(messages), reasons)
            too_large |= {waiting[place] for place, refusal in refused.items() if refusal.code == TOO_LARGE}
            waiting = [waiting[place] for place in sorted(refused)]
            if attempt < TRIES - 1:
                await asyncio.sleep(pause * random.uniform(0.5, 1.0))
                pause *= 2
        # With a new connection the stream is verified anew, and that tells more than one message's refusal.
        raise NatsUnavailable(f"{len(waiting)} messages are refused: {reasons}")

    def _show_lag(self) -> None:
        lag = self._reader.lag
        for topic in self._shown - lag.keys():
            self._observer.forget_lag("out", self._rules.subjects[topic])
        for topic, count in lag.items():
            self._observer.lag("out", self._rules.subjects[topic], count)
        self._shown = set(lag)

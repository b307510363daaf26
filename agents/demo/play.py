"""Plays signals to Kafka at a steady rate, and the misbehaving senders' messages among them."""

import heapq
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count

import msgspec
from confluent_kafka import KafkaError, Message, Producer

from agents.demo.mischief import BY_KEY, Misdeed, misdeeds
from agents.demo.signals import PlayedBar, corr_id, normalized_signal
from agents.trading.answers import utc_now
from config.kafka_settings import KafkaSettings
from streams.clients import producer_settings
from streams.topics import NORMALIZED_TOPIC

DELIVERY_SECONDS = 30.0


@dataclass(slots=True)
class Played:
    """What was sent: the corr_ids of the signals, and the misdeeds by sender."""

    corr_ids: list[str] = field(default_factory=list)
    misdeeds: Counter[str] = field(default_factory=Counter)


class NotDelivered(Exception):
    """Kafka did not take a message for good."""


class Player:
    """``timeout``: of the workflow, in seconds; ``partitions``: of the input topics."""

    def __init__(self, settings: KafkaSettings, run: str, timeout: float, partitions: int) -> None:
        self._producer = Producer(producer_settings(settings))
        self._run = run
        self._timeout = timeout
        self._partitions = partitions
        self._pending: list[tuple[float, int, Misdeed]] = []
        self._numbers = count()
        self._refused: KafkaError | None = None

    def play(
        self,
        bars: Sequence[PlayedBar],
        advance: Callable[[], None],
        rate: float,
    ) -> Played:
        """Sends all of it, ``rate`` signals a second, then waits for the misdeeds still due.

        ``advance`` is called after each signal. Raises NotDelivered.
        """
        played = Played()
        start = time.monotonic()
        for index, bar in enumerate(bars):
            # By the start, not by the last signal: a pause in between is caught up with, the rate holds.
            self._wait_until(start + index / rate, played)
            self._send_signal(bar)
            played.corr_ids.append(corr_id(self._run, bar))
            advance()
        while self._pending:
            self._wait_until(self._pending[0][0], played)
        if self._producer.flush(DELIVERY_SECONDS) or self._refused:
            raise NotDelivered(f"Kafka did not take all signals: {self._refused or 'no answer'}")
        return played

    def _send_signal(self, bar: PlayedBar) -> None:
        now = utc_now()
        signal = normalized_signal(bar, self._run, now)
        self._send(NORMALIZED_TOPIC, signal["corr_id"].encode(), msgspec.json.encode(signal))
        for misdeed in misdeeds(bar, signal, now, self._timeout, self._partitions):
            # The number keeps equal times in order and misdeeds from being compared.
            heapq.heappush(self._pending, (time.monotonic() + misdeed.after, next(self._numbers), misdeed))

    def _wait_until(self, moment: float, played: Played) -> None:
        """Misdeeds that are due by then are sent meanwhile."""
        while self._pending and self._pending[0][0] <= moment:
            due, _, misdeed = heapq.heappop(self._pending)
            time.sleep(max(0.0, due - time.monotonic()))
            self._send(misdeed.topic, misdeed.key, misdeed.value, misdeed.partition)
            played.misdeeds[misdeed.sender] += 1
        time.sleep(max(0.0, moment - time.monotonic()))

    def _send(self, topic: str, key: bytes, value: bytes, partition: int = BY_KEY) -> None:
        self._producer.produce(topic, value, key, partition, on_delivery=self._delivered)
        self._producer.poll(0)

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        self._refused = self._refused or error

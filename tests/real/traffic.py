"""What goes in: signals with the key and on the partition where they belong, or expressly elsewhere."""

import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from confluent_kafka import KafkaError, Message, Producer

from orchestration.canonical import canonical_json
from orchestration.partitioning import partition_of
from streams.records import offset_of, place_of
from streams.topics import TICK_TOPIC
from tests.real.broker import PATIENCE_SECONDS, QUIET, Place
from tests.real.signal_sets import NORMALIZED, Bodies, topic_of

_FROM_CORR_ID: Any = object()
_LARGEST = 9 * 1024 * 1024


class Traffic:
    """Produces with acknowledgement. ``flush`` (or ``later``, ``broker_time``) has to follow before anything is awaited."""

    def __init__(self, bootstrap_servers: str, partitions: int) -> None:
        self.partitions = partitions
        self.latest = 0
        self.ends: dict[Place, int] = {}
        self._producer = Producer(
            QUIET
            | {
                "bootstrap.servers": bootstrap_servers,
                "message.max.bytes": _LARGEST,
                "linger.ms": 2,
                "compression.type": "lz4",
            }
        )
        self._errors: list[KafkaError] = []

    def corr_id(self, name: str, partition: int | None = None) -> str:
        """A new one; on this partition, if one is given."""
        while True:
            made = f"{name}-{uuid.uuid4().hex[:10]}"
            if partition is None or self.partition(made) == partition:
                return made

    def partition(self, corr_id: str) -> int:
        return partition_of(corr_id.encode(), self.partitions)

    def send(
        self,
        topic: str,
        value: Mapping[str, Any] | bytes | None,
        *,
        key: bytes | None = _FROM_CORR_ID,
        partition: int | None = None,
        headers: Sequence[tuple[str, bytes]] = (),
        timestamp: int = 0,
    ) -> None:
        """Key and partition are the right ones for the value's corr_id unless they are given."""
        if key is _FROM_CORR_ID:
            assert isinstance(value, Mapping)
            key = value["corr_id"].encode()
        if partition is None:
            assert key is not None
            partition = partition_of(key, self.partitions)
        raw = canonical_json(value) if isinstance(value, Mapping) else value
        self._producer.produce(
            topic,
            raw,
            key,
            partition,
            on_delivery=self._delivered,
            headers=list(headers),
            timestamp=timestamp,
        )

    def send_all(self, bodies: Mapping[str, Mapping[str, Any]]) -> None:
        """Payloads by agent, each to its agent's topic."""
        for agent, body in bodies.items():
            self.send(topic_of(agent), body)

    def send_in_order(self, *sets: Bodies) -> None:
        """Normalized signals first, the agents' with larger timestamps.

        Sent at once they may get the same millisecond as the last agent's: whether they are read before or after the
        outcome is then open, as it is in life.
        """
        for bodies in sets:
            self.send(topic_of(NORMALIZED), bodies[NORMALIZED])
        self.later()
        for bodies in sets:
            self.send_all({agent: body for agent, body in bodies.items() if agent != NORMALIZED})
        self.flush()

    def flush(self) -> None:
        """Everything sent is in the log."""
        assert self._producer.flush(PATIENCE_SECONDS) == 0
        assert self._errors == []

    def later(self) -> None:
        """Everything sent is in the log, and what is sent from now on has a larger timestamp."""
        self.flush()
        self.pass_time(self.latest)

    def pass_time(self, until: int) -> None:
        """Wait until the broker's time is past ``until`` (ms)."""
        while (remaining := until - self.broker_time()) >= 0:
            time.sleep(min(remaining / 1000, 0.2) + 0.001)

    def broker_time(self) -> int:
        """In ms. Asked for with a tick: it is the timestamp that the broker gives it."""
        times: list[int] = []
        self._producer.produce(
            TICK_TOPIC, b"", None, 0, on_delivery=lambda _, message: times.append(message.timestamp()[1])
        )
        self.flush()
        return times[0]

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self._errors.append(error)
        else:
            self.latest = max(self.latest, message.timestamp()[1])
            place = place_of(message)
            self.ends[place] = max(self.ends.get(place, 0), offset_of(message) + 1)

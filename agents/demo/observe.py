"""Reads what went into the orchestrator and what came out, and keeps what came out in files."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from confluent_kafka import Consumer, TopicPartition

from agents.demo.numbers import Numbers
from config.kafka_settings import KafkaSettings
from orchestration.record import LogRecord
from streams.clients import consumer_settings
from streams.records import received
from streams.topics import (
    DEAD_LETTER_PREFIX,
    DECISION_TOPIC,
    ENRICHED_PREFIX,
    LATE_TOPIC,
    NORMALIZED_TOPIC,
)

ORDER_PREFIX = "execution."
REQUEST_SECONDS = 10.0


class Observer:
    """Reads from where the topics end when it is made; a topic that appears later is read from its beginning."""

    def __init__(self, settings: KafkaSettings, run: str, folder: Path) -> None:
        self.numbers = Numbers()
        self._run = run
        self._folder = folder
        self._consumer = Consumer(
            consumer_settings(settings, f"demo-observer-{run}") | {"enable.partition.eof": False}
        )
        self._places: dict[tuple[str, int], int] = {}
        for place in self._known_places():
            self._places[place] = self._consumer.get_watermark_offsets(
                TopicPartition(*place), timeout=REQUEST_SECONDS
            )[1]

    def observe(self, corr_ids: list[str], quiet_seconds: float) -> Numbers:
        """Reads until each of ``corr_ids`` is decided and nothing more comes, or nothing came for ``quiet_seconds``."""
        for place in self._known_places():
            self._places.setdefault(place, 0)
        self._consumer.assign([TopicPartition(*place, offset) for place, offset in self._places.items()])
        last = time.monotonic()
        while True:
            records = received(self._consumer.consume(1000, 0.5))
            for record in records:
                self._take(record)
            if records:
                last = time.monotonic()
            quiet = time.monotonic() - last
            if quiet > quiet_seconds or (quiet > 1.0 and not self.numbers.undecided(corr_ids)):
                break
        self._consumer.close()
        return self.numbers

    def _known_places(self) -> list[tuple[str, int]]:
        known = self._consumer.list_topics(timeout=REQUEST_SECONDS).topics
        return [
            (topic, number)
            for topic in sorted(known)
            if topic in (NORMALIZED_TOPIC, DECISION_TOPIC, LATE_TOPIC)
            or topic.startswith((ENRICHED_PREFIX, ORDER_PREFIX, DEAD_LETTER_PREFIX))
            for number in known[topic].partitions
        ]

    def _take(self, record: LogRecord) -> None:
        topic, timestamp = record.topic, record.timestamp
        key = (record.key or b"").decode("utf-8", "replace")
        headers = dict(record.headers)
        if topic == NORMALIZED_TOPIC:
            # Garbled and wrongly keyed messages are no signals; a retried one has a corr_id that is counted already.
            if key.startswith(f"demo-{self._run}-"):
                self.numbers.take_signal(key, timestamp)
        elif topic.startswith(ENRICHED_PREFIX):
            self.numbers.take_analysis(topic.removeprefix(ENRICHED_PREFIX), key, timestamp)
        elif topic.startswith(DEAD_LETTER_PREFIX):
            self.numbers.dead_letters[
                topic.removeprefix(DEAD_LETTER_PREFIX), _text(headers, "dlq_reason")
            ] += 1
            self._keep(topic, {"key": key, "value": (record.value or b"").decode("utf-8", "replace")})
        elif topic == LATE_TOPIC:
            self.numbers.late[_text(headers, "late_reason")] += 1
            self._keep(topic, {"late_reason": _text(headers, "late_reason"), **_json(record)})
        elif topic == DECISION_TOPIC:
            self.numbers.take_decision(_json(record), timestamp)
            self._keep(topic, _json(record))
        else:
            self.numbers.orders[topic] += 1
            self._keep(topic, _json(record))

    def _keep(self, topic: str, message: dict[str, Any]) -> None:
        with (self._folder / f"{topic}.jsonl").open("ab") as file:
            file.write(msgspec.json.encode(message) + b"\n")


def _json(record: LogRecord) -> dict[str, Any]:
    message: dict[str, Any] = msgspec.json.decode(record.value or b"{}")
    return message


def _text(headers: Mapping[str, bytes], name: str) -> str:
    return headers.get(name, "–".encode()).decode("utf-8", "replace")

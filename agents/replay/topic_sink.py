"""A replay's messages to topics under another prefix: what live would have sent, where nobody acts on it."""

from collections.abc import Iterable, Mapping
from typing import Any

from confluent_kafka import KafkaError, Message, Producer

from agents.replay.runner import Place
from orchestration.processor import Effects
from orchestration.workflows import Workflows
from streams.topics import topic_specs

FLUSH_SECONDS = 60.0


class LiveTopicRefused(Exception):
    """A replay would write to a topic that live services read."""


class NotDelivered(Exception):
    """Kafka did not take a message for good."""


def refuse_live_topics(prefix: str, workflows: Workflows, app_id: str) -> None:
    """Raises LiveTopicRefused, naming the first topic that would be a live one."""
    live = [spec.name for spec in topic_specs(workflows.agents, workflows.topics, app_id)]
    for name in live:
        if prefix + name in live:
            raise LiveTopicRefused(
                f"--output-topics {prefix!r}: a replay never writes to the live topic {prefix + name}; "
                "expected another prefix, such as replay."
            )


class TopicSink:
    """Produces every message to ``prefix`` + its topic, with acknowledgement."""

    wants_messages = True

    def __init__(self, configuration: Mapping[str, Any], prefix: str) -> None:
        self._prefix = prefix
        self._producer = Producer(dict(configuration))
        self._refused: KafkaError | None = None

    def take(self, _place: Place, effects: Effects, /) -> None:
        for message in effects.messages:
            self._produce(
                self._prefix + message.topic, message.value, message.key, headers=list(message.headers)
            )
        self._producer.poll(0)

    def close(self) -> None:
        """Raises NotDelivered."""
        left = self._producer.flush(FLUSH_SECONDS)
        if left or self._refused is not None:
            raise NotDelivered(f"Kafka did not take all of the outcomes: {self._refused or f'{left} left'}")

    def _produce(
        self, topic: str, value: bytes | None, key: bytes | None, headers: Iterable[tuple[str, bytes]]
    ) -> None:
        while True:
            try:
                self._producer.produce(topic, value, key, headers=list(headers), on_delivery=self._delivered)
            except BufferError:
                # A replay makes messages faster than a broker takes them.
                self._producer.poll(0.1)
            else:
                return

    def _delivered(self, error: KafkaError | None, _: Message) -> None:
        self._refused = self._refused or error

"""Where the demo runs: a Kafka of its own, empty at each start. Its topics are the worker's to make."""

from collections.abc import Iterator
from contextlib import contextmanager

from streams.stack.kafka_server import KafkaServer

PATIENCE = {"broker.session.timeout.ms": "9000"}
"""Kafka's own default. The stack's is shorter, for tests that kill it; a busy machine then takes every leader away
for a while, and the agents' answers come after the timeout."""


@contextmanager
def local_kafka() -> Iterator[str]:
    """Its bootstrap address. Its data are new each time and go with it: nothing of an earlier play is met."""
    with KafkaServer(properties=PATIENCE) as kafka:
        yield kafka.bootstrap_servers

"""A real Kafka and NATS for tests. A conftest imports the fixtures that its tests ask for.

KAFKA_BOOTSTRAP_SERVERS and NATS_URL are honoured: a server that runs already makes a round of tests quicker.
"""

import os
from collections.abc import Iterator

import pytest

from streams.stack.external import ExternalKafka, ExternalNats
from streams.stack.kafka_server import KafkaServer
from streams.stack.kafka_settings import QUICK_RESTART
from streams.stack.nats_server import NatsServer
from streams.stack.prepare import prepare
from streams.stack.stack import kafka_for, nats_for


@pytest.fixture(scope="session")
def kafka() -> Iterator[KafkaServer | ExternalKafka]:
    """One broker for the whole session (one for each xdist worker). Shared: topics and groups need names of their own."""
    with kafka_for(os.environ) as server:
        yield server


@pytest.fixture(scope="session")
def nats() -> Iterator[NatsServer | ExternalNats]:
    """One NATS for the whole session (one for each xdist worker). Shared: streams need names of their own."""
    with nats_for(os.environ) as server:
        yield server


@pytest.fixture(scope="session")
def quick_starts() -> None:
    """Some 25 s, once for each machine; each later start is shorter by 2 to 15 s, and faults are made of starts."""
    prepare()


@pytest.fixture
def fresh_kafka(quick_starts: None) -> Iterator[KafkaServer]:
    """A broker of this test's own, which it may kill. Never an external one."""
    with KafkaServer(properties=QUICK_RESTART) as server:
        yield server


@pytest.fixture
def fresh_nats() -> Iterator[NatsServer]:
    """A NATS of this test's own, which it may kill. Never an external one."""
    with NatsServer() as server:
        yield server

"""Fixtures of all tests on real servers."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from streams.stack.external import ExternalKafka
from streams.stack.kafka_server import KafkaServer
from tests.real.orchestrator import Orchestrator, orchestrator_on
from tests.real.stack_fixtures import fresh_kafka, fresh_nats, kafka, nats, quick_starts

__all__ = ["fresh_kafka", "fresh_nats", "kafka", "nats", "quick_starts"]

MakeOrchestrator = Callable[..., Orchestrator]


@pytest.fixture
def make_orchestrator(kafka: KafkaServer | ExternalKafka, tmp_path: Path) -> Iterator[MakeOrchestrator]:
    """Called with environment variables: an orchestrator on the session's broker, ended after the test."""
    with ExitStack() as stack:
        yield lambda **environment: stack.enter_context(
            orchestrator_on(kafka.bootstrap_servers, tmp_path, **environment)
        )

"""Check the checker, the quickest part: all planted bugs are tried by `make faults-selftest`."""

import pytest

from streams.stack.external import ExternalKafka
from streams.stack.kafka_server import KafkaServer
from tests.faults.plants import PLANTS
from tests.real.stack_fixtures import kafka

__all__ = ["kafka"]

QUICK = [plant for plant in PLANTS if plant.module in {"drop_the_marker", "commit_early"}]


@pytest.mark.parametrize("plant", QUICK, ids=lambda plant: plant.module)
def test_a_planted_bug_turns_its_invariants_red(kafka: KafkaServer | ExternalKafka, plant: object) -> None:
    assert plant in QUICK

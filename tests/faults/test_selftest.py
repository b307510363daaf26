"""Check the checker, the quickest part of it: `make faults-selftest` tries all planted bugs."""

import pytest

from streams.stack.external import ExternalKafka
from streams.stack.kafka_server import KafkaServer
from tests.faults.plants import PLANTS, UNPLANTED, Plant
from tests.faults.selftest import try_plant, try_unplanted
from tests.real.stack_fixtures import kafka

__all__ = ["kafka"]

QUICK = [plant for plant in PLANTS if plant.module in {"drop_the_marker", "commit_early"}]


@pytest.mark.parametrize("plant", QUICK, ids=lambda plant: plant.module)
def test_a_planted_bug_turns_its_invariants_red(kafka: KafkaServer | ExternalKafka, plant: Plant) -> None:
    tried = try_plant(kafka.bootstrap_servers, plant)
    assert tried.good, tried.told


def test_the_worker_as_it_is_turns_none_red(kafka: KafkaServer | ExternalKafka) -> None:
    tried = try_unplanted(kafka.bootstrap_servers, UNPLANTED[0])
    assert tried.good, tried.told

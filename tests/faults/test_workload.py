"""The workload: everything in it follows from the seed, and it has everything in it."""

from collections import Counter
from itertools import pairwise
from random import Random

import pytest

from tests.faults.bodies import drawn_bodies, straddle
from tests.faults.workload import Workload


@pytest.fixture(scope="module")
def workload() -> Workload:
    return Workload(5, 400, per_second=100.0, timeout_seconds=2.0, hot_messages=50)


def test_a_seed_gives_the_same_messages_again_and_another_one_others(workload: Workload) -> None:
    assert list(workload) == list(workload)
    assert {planned.value for planned in workload}.isdisjoint(
        planned.value for planned in Workload(6, 400) if planned.kind == "signal"
    )


def test_messages_come_in_the_order_in_which_they_are_due(workload: Workload) -> None:
    planned = list(workload)
    assert all(earlier.due <= later.due for earlier, later in pairwise(planned))
    assert planned[-1].due <= workload.seconds
    assert len({each.id for each in planned}) == len(planned)


def test_there_is_something_of_every_sort(workload: Workload) -> None:
    kinds = Counter(planned.kind for planned in workload)
    assert {
        *("signal", "duplicate", "conflict", "invalid", "late", "poison", "hot"),
        *("wrong_key", "wrong_partition", "wrong_topic"),
    } == set(kinds)
    assert kinds["hot"] == 51
    assert min(kinds.values()) >= 2


def test_late_messages_are_due_after_every_deadline(workload: Workload) -> None:
    first: dict[str, float] = {}
    for planned in workload:
        if planned.kind == "late":
            assert planned.due > first[planned.corr_id] + workload.timeout_seconds
        elif planned.kind != "hot":
            first.setdefault(planned.corr_id, planned.due)


def test_an_aborted_batch_has_ids_and_correlations_of_its_own(workload: Workload) -> None:
    batches = [workload.aborted_batch(number) for number in range(3)]
    ids = [planned.id for batch in batches for planned in batch]
    assert len(set(ids)) == len(ids)
    assert {planned.id for planned in workload}.isdisjoint(ids)
    assert {planned.corr_id for planned in workload}.isdisjoint(
        planned.corr_id for batch in batches for planned in batch
    )


def test_some_confidences_depend_on_the_order_of_summation() -> None:
    bodies = drawn_bodies(Random(1), "c")
    straddle(Random(1), bodies)
    momentum = 0.4 * bodies["momentum"]["analysis"]["confidence"]
    risk = 0.4 * (1 - bodies["risk"]["analysis"]["overall_score"])
    correlation = 0.2 * bodies["correlation"]["analysis"]["portfolio_impact"]
    sums = {
        round(momentum + risk + correlation, 12),
        round(correlation + risk + momentum, 12),
        round(momentum + correlation + risk, 12),
    }
    assert len(sums) == 2

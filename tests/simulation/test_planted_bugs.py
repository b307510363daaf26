"""The simulator on trial: each bug of the protocol that is planted has to be found within a bounded number of seeds."""

import pytest

from tests.simulation.bugs import AT_LEAST_ONCE_ONLY, EXACTLY_ONCE_ONLY, TWO_OWNERS, Bug
from tests.simulation.runs import rare_collections
from tests.simulation.simulation import TWO_OWNERS_EACH, simulate
from tests.simulation.world import Guarantee

GUARANTEES: tuple[Guarantee, ...] = ("exactly_once", "at_least_once")
SEEDS = 200
PLANTED = [
    pytest.param(guarantee, bug, id=f"{guarantee}-{bug.name}")
    for guarantee in GUARANTEES
    for bug in Bug
    if bug not in (AT_LEAST_ONCE_ONLY if guarantee == "exactly_once" else EXACTLY_ONCE_ONLY)
]


@pytest.mark.parametrize(("guarantee", "bug"), PLANTED)
def test_a_planted_bug_is_found(guarantee: Guarantee, bug: Bug) -> None:
    each = TWO_OWNERS_EACH if bug in TWO_OWNERS else 1
    seeds = range(0, SEEDS * each, each)
    with rare_collections():
        found = next((seed for seed in seeds if simulate(seed, guarantee, bug=bug).violations), None)
    assert found is not None, f"not found in {SEEDS} seeds: {bug.value}"
    # It is the bug that is found, not the seed that is bad.
    assert not simulate(found, guarantee).violations

"""The protocol around the core under faults at every effect, seed after seed.

``SIMULATION_SEEDS`` says how many per guarantee: 300, or 5,000 for a full run, which takes every core. A seed that fails is
named, with the command that shows it again.
"""

import os
import time
from collections import Counter
from functools import cache

import pytest
from click.testing import CliRunner

from tests.simulation.__main__ import main
from tests.simulation.faults import FAULTS
from tests.simulation.runs import run
from tests.simulation.simulation import EFFECTS, Result, simulate
from tests.simulation.world import Guarantee

SEEDS = int(os.environ.get("SIMULATION_SEEDS", "300"))
FRESH = SEEDS // 6
FRESH_BEGIN = int(os.environ.get("SIMULATION_FRESH", str(int(time.time()) % 100_000_000)))
"""A part of the seeds is new each time."""

GUARANTEES: tuple[Guarantee, ...] = ("exactly_once", "at_least_once")

pytestmark = pytest.mark.timeout(120 + SEEDS)


@cache
def results(guarantee: Guarantee) -> list[Result]:
    return run(range(SEEDS - FRESH), guarantee)


@pytest.mark.parametrize("guarantee", GUARANTEES)
def test_whatever_fails_wherever_the_promise_holds(guarantee: Guarantee) -> None:
    explain([result for result in results(guarantee) if result.violations])


@pytest.mark.parametrize("guarantee", GUARANTEES)
def test_it_holds_for_seeds_that_nobody_has_tried(guarantee: Guarantee) -> None:
    print(f"fresh seeds: {FRESH_BEGIN} to {FRESH_BEGIN + FRESH - 1}")  # noqa: T201 - pytest shows it with a failure
    tried = run(range(FRESH_BEGIN, FRESH_BEGIN + FRESH), guarantee)
    explain([result for result in tried if result.violations])


def explain(failed: list[Result]) -> None:
    """The first of them whole: what was violated, and what happened last."""
    if failed:
        first = simulate(failed[0].seed, failed[0].guarantee, remember=60)
        again = f"python -m tests.simulation {first.seed} --guarantee {first.guarantee} --trace"
        lines = [f"{len(failed)} seeds failed: {[one.seed for one in failed[:20]]}", f"again: {again}"]
        pytest.fail("\n".join([*lines, *first.violations, *map(str, first.trace)]), pytrace=False)


@pytest.mark.parametrize("guarantee", GUARANTEES)
def test_every_effect_was_the_last_one_of_some_worker(guarantee: Guarantee) -> None:
    """A run in which a fault did not land has shown nothing about it."""
    landed: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    for result in results(guarantee):
        for (fault, effect), count in result.landed.items():
            kinds[fault] += count
            if fault in ("crash", "disk lost", "pause"):
                landed[effect] += count
    assert [effect for effect in EFFECTS[guarantee] if not landed[effect]] == []
    assert [fault for fault in FAULTS if not kinds[fault]] == []
    assert sum(kinds.values()) > SEEDS


@pytest.mark.parametrize("guarantee", GUARANTEES)
def test_a_seed_gives_the_same_run_again(guarantee: Guarantee) -> None:
    for seed in range(5):
        once = simulate(seed, guarantee, remember=100_000)
        assert once == simulate(seed, guarantee, remember=100_000)
        assert len(once.trace) > once.records


def test_most_seeds_decide_something_under_faults() -> None:
    some = results("exactly_once")
    assert sum(result.outcomes for result in some) > 3 * len(some)
    assert sum(result.records for result in some) > 20 * len(some)


def test_hardly_any_correlation_is_left_out_of_the_judgement() -> None:
    """Those that a newly named agent may open anew within their marker's time: the hole that is known."""
    for guarantee in GUARANTEES:
        some = results(guarantee)
        assert sum(result.left_out for result in some) < sum(result.outcomes for result in some) / 100


def test_seeds_give_the_same_in_further_processes() -> None:
    spread = run(range(20), "at_least_once", spread_from=20)
    assert spread == run(range(20), "at_least_once")
    assert [result.seed for result in spread] == list(range(20))


def test_a_seed_can_be_looked_at_from_the_command_line() -> None:
    good = CliRunner().invoke(main, ["1", "--trace"])
    assert good.exit_code == 0
    assert "outcomes sent" in good.output
    bad = CliRunner().invoke(main, ["2", "--bug", "MARKER_DROPPED"])
    assert bad.exit_code == 1
    assert "VIOLATED" in bad.output

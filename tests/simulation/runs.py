"""Many seeds: one after the other, or spread over processes."""

import gc
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from itertools import chain, repeat
from multiprocessing import get_context

from tests.simulation.simulation import Result, simulate
from tests.simulation.world import Guarantee

SPREAD_FROM = 1_000
"""Fewer seeds are not worth the start of further processes."""

_BATCH = 10


def run(seeds: Sequence[int], guarantee: Guarantee, spread_from: int = SPREAD_FROM) -> list[Result]:
    """The results, in the order of the seeds."""
    if len(seeds) < spread_from:
        return one_after_the_other(seeds, guarantee)
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn")) as pool:
        batches = [seeds[begin : begin + _BATCH] for begin in range(0, len(seeds), _BATCH)]
        return list(chain.from_iterable(pool.map(one_after_the_other, batches, repeat(guarantee))))


def one_after_the_other(seeds: Sequence[int], guarantee: Guarantee) -> list[Result]:
    with rare_collections():
        return [simulate(seed, guarantee) for seed in seeds]


@contextmanager
def rare_collections() -> Iterator[None]:
    """A seed makes many objects that all live until it is over: looking for dead ones among them costs a tenth."""
    before = gc.get_threshold()
    gc.set_threshold(100_000, 50, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)

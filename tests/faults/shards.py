"""Work over a large file, in as many processes as there are cores."""

import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from itertools import chain
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple, TypeVar

from tests.faults.run_facts import RunFacts

T = TypeVar("T")
_WORTH_A_PROCESS = 2000


class Shard(NamedTuple):
    """Every row or correlation of the file whose place, modulo ``shards``, is ``number``."""

    path: Path
    facts: RunFacts
    number: int = 0
    shards: int = 1


def over_shards(function: Callable[[Shard], list[T]], path: Path, facts: RunFacts, size: int) -> list[T]:
    """``function`` of every shard, one after the other; ``size``: how much there is. It has to be importable."""
    if size < _WORTH_A_PROCESS:
        return function(Shard(path, facts))
    count = os.cpu_count() or 1
    # Not forked: clients of Kafka have threads, and a copy of the process would have their locks.
    with ProcessPoolExecutor(count, mp_context=get_context("spawn")) as pool:
        shards = [Shard(path, facts, number, count) for number in range(count)]
        return list(chain.from_iterable(pool.map(function, shards)))

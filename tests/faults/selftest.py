"""`make faults-selftest`: check the checker. Each planted bug must turn its invariants red, the worker as it is none.

`python -m tests.faults.selftest [NAME ...]` tries these alone.
"""

import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from confluent_kafka import KafkaException
from rich.console import Console
from rich.table import Table

from streams.stack.kafka_server import KafkaServer
from tests.faults.judge import Verdict, red
from tests.faults.plants import PLANTS, UNPLANTED, Plant
from tests.faults.trial import run_trial
from tests.faults.trouble import Circumstances

SEED = 1


UNCHANGED = "as it is"


class Tried(NamedTuple):
    """``red``: violations by invariant. ``missing``: invariants that should have been red. ``failure``: it did not run."""

    name: str
    what: str
    red: dict[str, Verdict]
    missing: tuple[str, ...]
    seconds: float
    failure: str = ""

    @property
    def good(self) -> bool:
        expected = not self.red if self.name == UNCHANGED else not self.missing
        return expected and not self.failure

    @property
    def told(self) -> str:
        """What came of it, in a line."""
        parts = [f"{name} ({verdict.violations})" for name, verdict in self.red.items()]
        parts += [f"{name} is not red" for name in self.missing]
        return ", ".join([*parts, *([self.failure] if self.failure else [])]) or "nothing"


def try_plant(bootstrap_servers: str, plant: Plant) -> Tried:
    what = " ".join((import_module(f"tests.faults.planted.{plant.module}").__doc__ or "").split())
    tried = _try(bootstrap_servers, plant.module, what, plant.circumstances)
    return tried._replace(missing=tuple(name for name in plant.red if name not in tried.red))


def try_unplanted(bootstrap_servers: str, circumstances: Circumstances) -> Tried:
    return _try(bootstrap_servers, UNCHANGED, circumstances.told, circumstances)


def _try(bootstrap_servers: str, name: str, what: str, circumstances: Circumstances) -> Tried:
    began = time.monotonic()
    planted = None if name == UNCHANGED else name
    found: dict[str, Verdict] = {}
    failure = ""
    with tempfile.TemporaryDirectory(prefix="selftest-") as folder:
        try:
            found = red(run_trial(bootstrap_servers, Path(folder), circumstances, planted=planted, seed=SEED))
        except (AssertionError, TimeoutError, KafkaException) as error:
            # One that cannot be run must not hide what becomes of the others.
            failure = f"{type(error).__name__}: {error}"
    return Tried(name, what, found, (), time.monotonic() - began, failure)


def _all(bootstrap_servers: str, names: Sequence[str]) -> Iterator[Tried]:
    for plant in PLANTS:
        if not names or plant.module in names:
            yield try_plant(bootstrap_servers, plant)
    for circumstances in UNPLANTED:
        if not names or UNCHANGED in names:
            yield try_unplanted(bootstrap_servers, circumstances)


def main(names: Sequence[str]) -> int:
    console = Console()
    table = Table("planted", "what is wrong", "red (violations)", "seconds", title="check of the checker")
    failed = []
    with KafkaServer() as kafka:
        for tried in _all(kafka.bootstrap_servers, names):
            console.print(f"{'as expected' if tried.good else 'NOT as expected'}: {tried.name}: {tried.told}")
            style = "green" if tried.good else "bold red"
            table.add_row(tried.name, tried.what, tried.told, f"{tried.seconds:.0f}", style=style)
            if not tried.good:
                failed.append(tried.name)
    console.print(table)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

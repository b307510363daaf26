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

from rich.console import Console
from rich.table import Table

from streams.stack.kafka_server import KafkaServer
from tests.faults.judge import Verdict, red
from tests.faults.plants import PLANTS, UNPLANTED, Plant
from tests.faults.trial import run_trial
from tests.faults.trouble import Circumstances

SEED = 1


class Tried(NamedTuple):
    """``red``: violations by invariant. ``missing``: invariants that should have been red."""

    name: str
    what: str
    red: dict[str, Verdict]
    missing: tuple[str, ...]
    seconds: float

    @property
    def good(self) -> bool:
        return not self.missing if self.name != UNCHANGED else not self.red


UNCHANGED = "as it is"


def try_plant(bootstrap_servers: str, plant: Plant) -> Tried:
    what = (import_module(f"tests.faults.planted.{plant.module}").__doc__ or "").strip()
    tried = _try(bootstrap_servers, plant.module, what, plant.circumstances)
    return tried._replace(missing=tuple(name for name in plant.red if name not in tried.red))


def try_unplanted(bootstrap_servers: str, circumstances: Circumstances) -> Tried:
    return _try(bootstrap_servers, UNCHANGED, f"{circumstances}", circumstances)


def _try(bootstrap_servers: str, name: str, what: str, circumstances: Circumstances) -> Tried:
    began = time.monotonic()
    planted = None if name == UNCHANGED else name
    with tempfile.TemporaryDirectory(prefix="selftest-") as folder:
        verdicts = run_trial(bootstrap_servers, Path(folder), circumstances, planted=planted, seed=SEED)
    return Tried(name, what, red(verdicts), (), time.monotonic() - began)


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
            said = ", ".join(f"{name} ({verdict.violations})" for name, verdict in tried.red.items())
            console.print(f"{'as expected' if tried.good else 'NOT as expected'}: {tried.name}: {said}")
            wanted = f"\nmissing: {', '.join(tried.missing)}" if tried.missing else ""
            style = "green" if tried.good else "bold red"
            table.add_row(tried.name, tried.what, said + wanted, f"{tried.seconds:.0f}", style=style)
            if not tried.good:
                failed.append(tried.name)
    console.print(table)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Which faults a campaign makes, in which order: from a seed."""

from collections.abc import Callable, Iterable, Mapping
from random import Random

from tests.faults.broker_faults import BrokerKill, BrokerPause
from tests.faults.changelog_faults import ChangelogEmptied, ChangelogMadeAnew
from tests.faults.clock_faults import JUMP_SECONDS, ClockJump
from tests.faults.fault import Fault
from tests.faults.kill_points import KILL_POINTS
from tests.faults.load_faults import Fuzz, HotCorrelation, ManyOpen
from tests.faults.network_faults import Cut, HalfOpen, Latency, Reset
from tests.faults.rebalance_storm import RebalanceStorm
from tests.faults.state_faults import ByteFlipped, DiskFull, FileTruncated, StateDeleted
from tests.faults.worker_faults import KillAtPoint, KillAtRandom, RollingStop, Zombie

Counts = Mapping[str, int]

SINGLE: Mapping[str, Callable[[], Fault]] = {
    "kill": KillAtRandom,
    **{point.replace("_", "-"): lambda point=point: KillAtPoint(point) for point in KILL_POINTS},  # type: ignore[misc]
    "rolling-stop": RollingStop,
    "zombie": Zombie,
    "rebalance-storm": RebalanceStorm,
    "broker-kill": BrokerKill,
    "broker-pause": BrokerPause,
    "cut": Cut,
    "half-open": HalfOpen,
    "latency": Latency,
    "reset": Reset,
    "state-deleted": StateDeleted,
    "file-truncated": FileTruncated,
    "byte-flipped": ByteFlipped,
    "disk-full": DiskFull,
    "changelog-emptied": ChangelogEmptied,
    "changelog-made-anew": ChangelogMadeAnew,
    "clock-ahead": lambda: ClockJump(JUMP_SECONDS),
    "clock-behind": lambda: ClockJump(-JUMP_SECONDS),
}
"""By the name that the command line takes."""

LOADS: Mapping[str, Callable[[int], Fault]] = {"fuzz": Fuzz, "hot": HotCorrelation, "open": ManyOpen}
"""One each; the number is that of the messages."""

NAMES = (*SINGLE, *LOADS)

FULL: Counts = {
    **dict.fromkeys(SINGLE, 1),
    "kill": 20,
    **{point.replace("_", "-"): 2 for point in KILL_POINTS},
    "fuzz": 50_000,
    "hot": 100_000,
}
OPEN: Counts = {"open": 200_000}
"""In a campaign of its own, whose deadlines are far enough away."""
QUICK: Counts = {"kill": 1, "before-commit": 1, "cut": 1, "state-deleted": 1, "fuzz": 1000}
QUICKEST: Counts = {"kill": 1, "between-commit-and-store-write": 1, "fuzz": 200}


def schedule(counts: Counts, seed: int) -> list[Fault]:
    """The same for the same seed. Raises KeyError for a name that is none."""
    faults = [fault for name, count in counts.items() for fault in _made(name, count)]
    Random(f"{seed}-schedule").shuffle(faults)
    return faults


def _made(name: str, count: int) -> Iterable[Fault]:
    if name in LOADS:
        return [LOADS[name](count)] if count else []
    return [SINGLE[name]() for _ in range(count)]

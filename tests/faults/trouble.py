"""What happens to the workers of a trial while it is sent to them."""

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from tests.faults.ledger import Ledger
from tests.faults.progress import Progress
from tests.faults.sender import Sender
from tests.real.orchestrator import PARTITIONS
from tests.real.worker_metrics import samples
from tests.real.worker_process import Worker, eventually

SHIFTED_CLOCK = Path(__file__).parents[1] / "real" / "shifted_clock"
TIMEOUT_SECONDS = 2.0
_PATIENCE_SECONDS = 60.0


@dataclass(frozen=True)
class Circumstances:
    """What happens during a run: what the planted bug needs in order to show, and no more.

    ``kills``: kill -9 in mid-traffic, each followed by a start. ``dies``: the worker kills itself, at a point that the
    planted bug names. ``away_seconds``: from a kill to the start. ``disk_lost``: with each kill. ``pause_seconds``: a
    second worker takes over from one that stands still, which goes on so long after that. ``clock_seconds``: the worker's clock is off.
    """

    kills: int = 0
    dies: bool = False
    away_seconds: float = 0.0
    disk_lost: bool = False
    pause_seconds: float = 0.0
    clock_seconds: int = 0
    guarantee: str = "exactly_once"

    @property
    def told(self) -> str:
        """What is unusual about them."""
        unusual = {each.name: getattr(self, each.name) for each in fields(self)}
        return ", ".join(
            f"{name} {value}" for name, value in unusual.items() if value != getattr(Circumstances(), name)
        )

    @property
    def environment(self) -> dict[str, str]:
        given = {
            "DECISION_TIMEOUT_SEC": str(TIMEOUT_SECONDS),
            "ORCHESTRATOR_GUARANTEE": self.guarantee,
            "ORCHESTRATOR_SESSION_TIMEOUT_SEC": "2",
        }
        if self.clock_seconds:
            given |= {"PYTHONPATH": str(SHIFTED_CLOCK), "SHIFT_CLOCK_SEC": str(self.clock_seconds)}
        return given


class Trouble:
    """``workers``: the first is the one that has it. ``total``: how many messages there will be."""

    def __init__(
        self, workers: Sequence[Worker], ledger: Ledger, sender: Sender, progress: Progress, total: int
    ) -> None:
        self._worker, *self._others = workers
        self._ledger = ledger
        self._sender = sender
        self._progress = progress
        self._total = total

    def kill(self, times: int, away_seconds: float, disk_lost: bool) -> None:
        """kill -9 while correlations are open, each followed by a start."""
        for number in range(times):
            self._wait_for_traffic((number + 1) / (times + 1))
            fault = self._ledger.fault_began("kill -9")
            self._worker.kill()
            is_open = self._progress.open(self._sender)
            if disk_lost:
                shutil.rmtree(self._worker.data)
            time.sleep(away_seconds)
            self._start_again(fault, landed=is_open > 0)

    def pause(self, seconds: float) -> None:
        """SIGSTOP until the other worker has taken over, and then some; SIGCONT."""
        self._wait_for_traffic(0.4)
        fault = self._ledger.fault_began("SIGSTOP past the session")
        self._worker.pause()
        landed = eventually(lambda: owned(self._others[0]) == PARTITIONS, _PATIENCE_SECONDS)
        time.sleep(seconds)
        self._worker.resume()
        self._ledger.fault_ended(fault, landed=landed)
        self._ledger.recovered(fault)

    def keep_alive(self, seconds: float) -> None:
        """A worker that has killed itself is started again."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if not self._worker.alive:
                fault = self._ledger.fault_began("kill -9", "by itself, at the planted point")
                self._worker.wait_for_exit()
                self._start_again(fault, landed=True)
            time.sleep(0.05)

    def _wait_for_traffic(self, share: float) -> None:
        assert eventually(
            lambda: (
                self._sender.acknowledged >= share * self._total and self._progress.open(self._sender) > 0
            ),
            _PATIENCE_SECONDS,
        )

    def _start_again(self, fault: int, *, landed: bool) -> None:
        self._worker.start()
        self._ledger.fault_ended(fault, landed=landed)
        self._ledger.recovered(fault)


def owned(worker: Worker) -> float:
    """How many partitions a worker decides for; none while it does not answer or brings them up."""
    try:
        return samples(worker)["orchestrator_partitions_assigned", ()] if worker.health() == 200 else 0
    except OSError:
        return 0

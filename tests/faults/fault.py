"""What every fault is: something that is done to a running cluster, and that knows whether it hit."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from tests.faults.cluster import RECOVERY_SECONDS, Cluster
from tests.faults.cluster_worker import ClusterWorker
from tests.real.worker_process import eventually

OPEN_CORRELATIONS = 200
"""So many have to be open whenever a fault is made: a kill of an idle worker shows nothing."""


class Missed(Exception):
    """It was made, and did not hit what it was meant for. The text says how that is known."""


@dataclass(frozen=True, slots=True)
class Scene:
    """The cluster that faults are done to, and where chance comes from. ``open``: open correlations, now."""

    cluster: Cluster
    random: Random
    open: Callable[[], int]

    def some_worker(self) -> ClusterWorker:
        """One that is up."""
        return self.random.choice([worker for worker in self.cluster.workers if worker.alive])

    def wait_for_load(self) -> None:
        """Raises Missed where the sender does not keep enough correlations open."""
        if not eventually(lambda: self.open() >= OPEN_CORRELATIONS, RECOVERY_SECONDS):
            raise Missed(f"{self.open()} open correlations, expected {OPEN_CORRELATIONS}")

    def must(self, true: Callable[[], bool], what: str, seconds: float = RECOVERY_SECONDS) -> None:
        """Wait until it is true. Raises Missed."""
        if not eventually(true, seconds):
            raise Missed(f"{what}: not within {seconds:g} s")


class Fault(ABC):
    """``name`` is the same for all of its kind; the report counts by it."""

    name: str

    @abstractmethod
    def strike(self, scene: Scene) -> str:
        """Make it, and end it. Returns how it is known to have landed; raises Missed.

        Workers may be down afterwards: the campaign starts them again.
        """

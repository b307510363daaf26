"""What every fault is: something that is done to a running cluster, and that knows whether it hit."""

import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from random import Random

from tests.faults.cluster import PARTITIONS, RECOVERY_SECONDS, Cluster
from tests.faults.cluster_worker import ClusterWorker
from tests.faults.ledger import Ledger
from tests.faults.planned import Planned
from tests.faults.progress import Progress
from tests.faults.sender import Sender, UncommittedBatch
from tests.faults.workload import Workload
from tests.real.worker_process import eventually

OPEN_CORRELATIONS = 200
"""So many have to be open whenever a fault is made: a kill of an idle worker shows nothing."""

_FASTEST = 1_000_000.0


class Missed(Exception):
    """It was made, and did not hit what it was meant for. The text says how that is known."""


@dataclass(frozen=True, slots=True)
class Scene:
    """The cluster that faults are done to, what is sent to it meanwhile, and where chance comes from.

    ``opened``: corr_ids that faults have opened, beside the sender's.
    """

    cluster: Cluster
    ledger: Ledger
    sender: Sender
    progress: Progress
    random: Random
    seed: int
    opened: set[str] = field(default_factory=set)
    _batches: Iterator[int] = field(default_factory=itertools.count)

    def open(self) -> int:
        """Correlations of the sender that are open now."""
        return self.progress.open(self.sender)

    def send(self, messages: Iterable[Planned]) -> int:
        """As fast as it goes, beside the sender; how many were acknowledged."""
        sender = Sender(self.cluster.kafka.bootstrap_servers, self.ledger, _FASTEST, PARTITIONS)
        sender.run(messages)
        self.opened.update(sender.opened)
        return sender.acknowledged

    def uncommitted_batch(self) -> UncommittedBatch:
        """Another one each time: correlations in the inputs that nobody may ever decide."""
        planned = Workload(self.seed, 0).aborted_batch(next(self._batches))
        return UncommittedBatch(self.cluster.kafka.bootstrap_servers, self.ledger, planned, PARTITIONS)

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

"""A worker of the cluster: its log for each start, the partitions that it owns, the points at which it may be told to die."""

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from typing_extensions import override

from tests.real.worker_metrics import samples
from tests.real.worker_process import Worker

COMMAND = (sys.executable, "-m", "tests.faults.faulty_worker")
KILLED = 128 + 9
REFUSED = 1
_ASSIGNED = re.compile(r"partitions \[([0-9, ]*)\], generation ([0-9]+)")
_UP = re.compile(r"partition ([0-9]+) is up: ([0-9]+) changelog records")


class ClusterWorker(Worker):
    """``number``: its place in the cluster, and its proxy's. Each start has a log of its own."""

    def __init__(self, number: int, folder: Path, environment: Mapping[str, str]) -> None:
        self.number = number
        self.name = f"worker-{number}"
        self.starts = 0
        self._folder = folder
        super().__init__(
            folder / self.name,
            folder / f"{self.name}.log",
            {**environment, "ORCHESTRATOR_WORKER_ID": self.name},
            COMMAND,
        )

    @override
    def launch(self, **environment: str) -> "ClusterWorker":
        self.starts += 1
        self.log_path = self._folder / f"{self.name}-{self.starts}.log"
        super().launch(**environment)
        return self

    @property
    def states(self) -> Path:
        """Holds a RocksDB for each partition that it has had."""
        return self.data / "correlations"

    @property
    def generation(self) -> int:
        """Of the group, when it was last assigned partitions since its start; -1 before that."""
        found = self._assignments()
        return found[-1][1] if found else -1

    @property
    def assigned(self) -> frozenset[int]:
        """The partitions that the group gave it last."""
        found = self._assignments()
        return found[-1][0] if found else frozenset()

    @property
    def restored(self) -> dict[int, int]:
        """For each partition brought up since its start, how many changelog records were read."""
        rows: dict[int, int] = {}
        for partition, count in _UP.findall(self.log):
            rows[int(partition)] = rows.get(int(partition), 0) + int(count)
        return rows

    def open_correlations(self) -> int:
        """Those that wait for their outcome; 0 while it does not answer."""
        if not self.alive:
            return 0
        try:
            return int(samples(self)["orchestrator_active_correlations", ()])
        except OSError:
            return 0

    def _assignments(self) -> list[tuple[frozenset[int], int]]:
        return [
            (frozenset(json.loads(f"[{partitions}]")), int(generation))
            for partitions, generation in _ASSIGNED.findall(self.log)
        ]

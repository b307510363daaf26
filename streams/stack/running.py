"""What ``stack up`` writes down, so that ``status`` and ``down`` find the stack and end nothing else."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from streams.stack.processes import ProcessIdentity

_FILE = "running.json"


@dataclass(frozen=True, slots=True)
class RunningServer:
    name: str
    process: ProcessIdentity
    log_path: str


@dataclass(frozen=True, slots=True)
class RunningStack:
    """``owner`` holds the stack: when it ends, so do the servers. Empty ``servers``: both are external."""

    owner: ProcessIdentity
    kafka_bootstrap_servers: str
    nats_url: str
    servers: tuple[RunningServer, ...]

    @classmethod
    def read(cls, state_folder: Path) -> Self | None:
        """None where no stack runs; what a killed one left behind counts as none."""
        try:
            written = json.loads((state_folder / _FILE).read_text())
        except FileNotFoundError:
            return None
        servers = tuple(
            RunningServer(server["name"], ProcessIdentity(**server["process"]), server["log_path"])
            for server in written["servers"]
        )
        owner = ProcessIdentity(**written["owner"])
        found = cls(owner, written["kafka_bootstrap_servers"], written["nats_url"], servers)
        return found if owner.is_running() else None

    def write(self, state_folder: Path) -> None:
        # Renamed into place: a reader never sees half of it.
        unfinished = state_folder / f"{_FILE}.unfinished"
        unfinished.write_text(json.dumps(asdict(self), indent=2))
        unfinished.rename(state_folder / _FILE)


def forget(state_folder: Path) -> None:
    (state_folder / _FILE).unlink(missing_ok=True)

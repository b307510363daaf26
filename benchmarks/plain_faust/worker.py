"""The plain Faust job as a process that can be killed and started again."""

import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from streams.stack.supervised import SupervisedProcess

COMMAND = (sys.executable, "-m", "benchmarks.plain_faust.app", "worker", "--without-web", "-l", "warn")


class PlainFaustWorker:
    """Keeps its data folder over its starts, as a worker with a volume does."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._log = folder / "plain-faust.log"
        self._environment = {"PLAIN_DATA_DIR": str(folder / "plain-faust"), **environment}
        self._process: SupervisedProcess | None = None

    def start(self) -> None:
        self._process = SupervisedProcess(COMMAND, self._log, environment=self._environment)

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.alive

    def kill(self) -> None:
        """kill -9, where it runs."""
        if self._process is not None:
            if self._process.alive:
                self._process.send(signal.SIGKILL)
            self._process.release()
            self._process = None

    @property
    def log(self) -> str:
        """What it wrote, all its starts."""
        return self._log.read_text(errors="replace")

"""The worker as it really runs: a process of its own, told by its environment, seen through its port, log and exit status."""

import http.client
import json
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from streams.stack.ports import free_ports
from streams.stack.supervised import SupervisedProcess

READY_SECONDS = 120.0
"""A start takes 2 to 6 s; all limits here are for a machine that has ten times more work than cores."""
EXIT_SECONDS = 90.0
ANSWER_SECONDS = 10.0
_POLL_SECONDS = 0.05

COMMAND = (sys.executable, "-m", "agents.cli.main", "worker")


def eventually(true: Callable[[], bool], seconds: float = 60.0) -> bool:
    """Whether it became true within that time; asked every 50 ms."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


class Worker:
    """May be started again after it ended, with the same data folder, worker id and port; ``close`` ends it in any case.

    ``environment`` comes on top of this process's; ``data`` is its data folder, ``log_path`` collects all its starts.
    """

    def __init__(
        self, data: Path, log_path: Path, environment: Mapping[str, str], command: Sequence[str] = COMMAND
    ) -> None:
        self.data = data
        self.log_path = log_path
        self._command = command
        (self.port,) = free_ports(1)
        self.environment = {
            "ORCHESTRATOR_DATA_DIR": str(data),
            "ORCHESTRATOR_WEB_PORT": str(self.port),
            "LOG_FORMAT": "json",
            **environment,
        }
        self._process: SupervisedProcess | None = None
        self._log_start = 0

    # -- its life -----------------------------------------------------------------------------------------------------

    def launch(self, **environment: str) -> "Worker":
        """Begin to run, without waiting for anything. ``environment``: for this start alone."""
        assert not self.alive
        self.log_path.touch()
        self._log_start = self.log_path.stat().st_size
        self._process = SupervisedProcess(
            self._command, self.log_path, environment=self.environment | environment
        )
        return self

    def start(self, **environment: str) -> "Worker":
        """Run, and return once /healthz says that it is up."""
        self.launch(**environment)
        self.wait_until_ready()
        return self

    def wait_until_ready(self) -> None:
        assert eventually(lambda: self.health() == 200 or not self.alive, READY_SECONDS), self._with_log(
            "is not ready"
        )
        assert self.alive, self._with_log("ended while starting")

    def wait_for_exit(self, seconds: float = EXIT_SECONDS) -> int:
        """Its exit status; 128 + the signal's number where a signal ended it."""
        process = self._running()
        assert process.wait(seconds), self._with_log(f"still runs after {seconds:g} s")
        status = process.exit_status
        assert status is not None
        process.release()
        self._process = None
        return status

    def terminate(self) -> None:
        """Ask it to stop (SIGTERM), without waiting."""
        self._running().send(signal.SIGTERM)

    def stop(self, seconds: float = EXIT_SECONDS) -> int:
        """SIGTERM; the exit status once it has ended."""
        self.terminate()
        return self.wait_for_exit(seconds)

    def kill(self) -> None:
        """kill -9: nothing is finished, nobody is told. Returns when it is gone."""
        self._running().send(signal.SIGKILL)
        self.wait_for_exit()

    def pause(self) -> None:
        """SIGSTOP: it keeps its connections and does nothing."""
        self._running().pause()

    def resume(self) -> None:
        self._running().send(signal.SIGCONT)

    def close(self) -> None:
        if self._process is not None:
            self._process.end(timeout_seconds=0)
            self._process = None

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.alive

    @property
    def pid(self) -> int:
        """Its process id; it has to run."""
        return self._running().pid

    # -- what it says -------------------------------------------------------------------------------------------------

    @property
    def log(self) -> str:
        """What it wrote since its last start, standard output and standard error together."""
        return self.log_path.read_bytes()[self._log_start :].decode(errors="replace")

    def lines(self) -> list[dict[str, Any]]:
        """The log lines of the last start that are JSON objects: all but what was written past the logging."""
        found = []
        for line in self.log.splitlines():
            try:
                parsed = json.loads(line)
            except ValueError:
                continue
            if isinstance(parsed, dict):
                found.append(parsed)
        return found

    def logged(self, text: str) -> bool:
        return text in self.log

    def get(self, path: str) -> tuple[int, str]:
        """Status and body of a page. Raises OSError where nobody answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_SECONDS)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def health(self) -> int | None:
        """The status of /healthz; None where nobody answers."""
        try:
            return self.get("/healthz")[0]
        except (OSError, http.client.HTTPException):
            return None

    def nats_health(self) -> str | None:
        """What /healthz says of NATS: ok, degraded or off; None where nobody answers."""
        try:
            return str(json.loads(self.get("/healthz")[1])["checks"]["nats"])
        except (OSError, http.client.HTTPException):
            return None

    def _running(self) -> SupervisedProcess:
        assert self._process is not None, "the worker does not run"
        return self._process

    def _with_log(self, what: str) -> str:
        return f"the worker {what}; the end of its log:\n{self.log[-6000:]}"

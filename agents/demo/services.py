"""The processes that the demo starts: the worker and the trading agents, each with its log."""

import shutil
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path

from streams.stack.errors import log_tail
from streams.stack.supervised import SupervisedProcess

START_SECONDS = 60.0
STOP_SECONDS = 15.0
POLL_SECONDS = 0.1


class ServiceFailed(Exception):
    """A process of the demo ended or did not come up. The text ends with the end of its log."""


class Service:
    """``orchestrator <arguments>`` as a process that ends when this one does, however that comes about."""

    def __init__(
        self, name: str, arguments: tuple[str, ...], environment: Mapping[str, str], folder: Path
    ) -> None:
        self.name = name
        self.log_path = folder / f"{name}.log"
        variables = [f"{key}={value}" for key, value in environment.items()]
        env = shutil.which("env") or "/usr/bin/env"
        self._process = SupervisedProcess(
            [env, *variables, sys.executable, "-m", "agents.cli.main", *arguments], self.log_path
        )

    def wait_until(self, ready: Callable[["Service"], bool]) -> None:
        """Raises ServiceFailed where it ends before, or is not ``ready`` within 60 s."""
        deadline = time.monotonic() + START_SECONDS
        while not ready(self):
            self.check()
            if time.monotonic() > deadline:
                raise ServiceFailed(
                    f"{self.name} is not ready after {START_SECONDS:g} s; {log_tail(self.log_path)}"
                )
            time.sleep(POLL_SECONDS)

    def check(self) -> None:
        """Raises ServiceFailed where it has ended."""
        if not self._process.alive:
            status = self._process.exit_status
            raise ServiceFailed(f"{self.name} ended with status {status}; {log_tail(self.log_path)}")

    def end(self) -> None:
        self._process.end(STOP_SECONDS)


def healthy(url: str) -> Callable[[Service], bool]:
    """Ready when ``url`` answers 200."""

    def ready(_service: Service) -> bool:
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    return ready


def says(word: str) -> Callable[[Service], bool]:
    """Ready when ``word`` stands in the log."""
    return lambda service: word in service.log_path.read_text(errors="replace")

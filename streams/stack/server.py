"""The life of one local server: start, stop, kill, restart on the same port and data, pause, resume."""

import atexit
import os
import shutil
import signal
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from streams.stack.errors import StackError, log_tail
from streams.stack.ports import free_ports
from streams.stack.supervised import SupervisedProcess

_PORT_TAKEN = b"ddress already in use"
_PORT_TRIES = 5
_POLL_SECONDS = 0.02


class Server(ABC):
    """A server process of ours on 127.0.0.1.

    ``start`` and ``stop`` may alternate: ports and data stay. ``close`` (or the end of a ``with`` block, or of this
    process) stops it and removes its data where they are in a temporary folder. Not thread-safe.
    """

    name: ClassVar[str]
    start_seconds: ClassVar[float]
    stop_seconds: ClassVar[float]
    _ready_line: ClassVar[bytes]
    _port_count: ClassVar[int]

    def __init__(self, data_folder: Path | None = None) -> None:
        self._given_folder = data_folder
        self._folder: Path | None = None
        self._ports: list[int] = []
        self._process: SupervisedProcess | None = None
        self._owner = os.getpid()

    @property
    @abstractmethod
    def address(self) -> str:
        """What a client connects to. Raises StackError before the first start."""

    @abstractmethod
    def _prepare(self) -> Sequence[str]:
        """Writes the settings into the folder; returns the command."""

    @property
    def folder(self) -> Path:
        """Holds data, settings and log."""
        if self._folder is None:
            raise StackError(f"{self.name} has not been started")
        return self._folder

    @property
    def log_path(self) -> Path:
        return self.folder / f"{self.name}.log"

    @property
    def alive(self) -> bool:
        """True while the process exists, paused or not."""
        return self._process is not None and self._process.alive

    @property
    def pid(self) -> int:
        """The server's own process id. Raises StackError where it does not run."""
        return self._running().pid

    @property
    def port(self) -> int:
        if not self._ports:
            raise StackError(f"{self.name} has not been started")
        return self._ports[0]

    def start(self) -> None:
        """Returns when it serves. Raises StackError where it does not within ``start_seconds``, or runs already."""
        if self.alive:
            raise StackError(f"{self.name} runs already, as process {self.pid}")
        self._open_folder()
        # Once clients know a port it stays, also where that means failing.
        tries = 1 if self._ports else _PORT_TRIES
        for _ in range(tries):
            self._ports = self._ports or free_ports(self._port_count)
            if self._serves():
                return
            if tries > 1:
                self._ports = []
        raise StackError(f"{self.name}: another process took its port; {log_tail(self.log_path)}")

    def stop(self) -> None:
        """Asks it to stop, kills it after ``stop_seconds``. Data and ports stay. Does nothing where it is down."""
        if self._process is not None:
            self._process.end(self.stop_seconds)
            self._process = None

    def kill(self) -> None:
        """kill -9: nothing is flushed or said goodbye to. Raises StackError where it does not run."""
        process = self._running()
        process.send(signal.SIGKILL)
        process.release()
        self._process = None

    def restart(self) -> None:
        """Stops it where it runs, starts it on the same ports and data."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Freezes it (SIGSTOP): connections stay open and nobody answers. Raises StackError where it does not run."""
        self._running().pause()

    def resume(self) -> None:
        """Lets it go on after ``pause``. Raises StackError where it does not run."""
        self._running().send(signal.SIGCONT)

    def close(self) -> None:
        # A forked copy of this process runs the same exit handlers; the server is not its own.
        if os.getpid() != self._owner:
            return
        self.stop()
        atexit.unregister(self.close)
        if self._folder is not None and self._given_folder is None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _running(self) -> SupervisedProcess:
        if self._process is None or not self._process.alive:
            raise StackError(f"{self.name} does not run")
        return self._process

    def _open_folder(self) -> None:
        if self._folder is None:
            if self._given_folder is None:
                self._folder = Path(tempfile.mkdtemp(prefix=f"signal-orchestrator-{self.name}-"))
            else:
                self._folder = self._given_folder.absolute()
                self._folder.mkdir(parents=True, exist_ok=True)
            atexit.register(self.close)

    def _serves(self) -> bool:
        """False where another process listens on one of the ports."""
        self.stop()
        command = self._prepare()
        self.log_path.touch()
        log_start = self.log_path.stat().st_size
        temporary = self._folder if self._given_folder is None else None
        self._process = process = SupervisedProcess(command, self.log_path, remove_with_owner=temporary)
        deadline = time.monotonic() + self.start_seconds
        try:
            # Its own log says that it serves; an answer on the port could be another process's.
            while self._ready_line not in self._log_since(log_start):
                if not process.alive:
                    if _PORT_TAKEN in self._log_since(log_start):
                        self.stop()
                        return False
                    status = process.exit_status
                    raise StackError(
                        f"{self.name} ended while starting, with status {status}; {log_tail(self.log_path)}"
                    )
                if time.monotonic() > deadline:
                    raise StackError(
                        f"{self.name} does not serve after {self.start_seconds:g} s; {log_tail(self.log_path)}"
                    )
                time.sleep(_POLL_SECONDS)
        except BaseException:
            self._process.end(timeout_seconds=0)
            self._process = None
            raise
        return True

    def _log_since(self, position: int) -> bytes:
        with self.log_path.open("rb") as log:
            log.seek(position)
            return log.read()

"""A server process under a supervisor, as its owner sees it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from streams.stack import supervisor
from streams.stack.errors import StackError, log_tail

_ORPHAN_GRACE_SECONDS = 5
# An agent or option from these would change the server, and spoil a cache recorded without it.
_NOT_INHERITED = {"JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS", "CLASSPATH"}


class SupervisedProcess:
    """Runs ``command``, output appended to ``log_path``; ends it when this process ends, however that comes about.

    ``remove_with_owner``: a folder that goes too when this process dies without having stopped the server.
    ``environment``: variables on top of this process's own. Raises StackError where the command cannot be run.
    """

    def __init__(
        self,
        command: Sequence[str],
        log_path: Path,
        remove_with_owner: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        with log_path.open("ab") as log:
            self._supervisor = subprocess.Popen(
                [
                    sys.executable,
                    *("-I", "-S", supervisor.__file__),
                    str(_ORPHAN_GRACE_SECONDS),
                    str(remove_with_owner or ""),
                    *command,
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={
                    name: value
                    for name, value in {**os.environ, **(environment or {})}.items()
                    if name not in _NOT_INHERITED
                },
                # Ctrl-C in a terminal goes to its whole process group: the owner stops the servers, in order.
                start_new_session=True,
            )
        assert self._supervisor.stdout is not None
        announced = self._supervisor.stdout.readline()
        try:
            self.pid = int(announced)
            self._handle = os.pidfd_open(self.pid)
        except (ValueError, ProcessLookupError) as error:
            self._supervisor.communicate()
            raise StackError(f"cannot run {command[0]}; {log_tail(log_path)}") from error

    @property
    def alive(self) -> bool:
        return self._supervisor.poll() is None

    @property
    def exit_status(self) -> int | None:
        """The server's; 128 + signal where a signal ended it; None while it runs."""
        return self._supervisor.poll()

    def send(self, number: signal.Signals) -> None:
        """Nothing happens where the process has ended: the handle never means another process."""
        try:
            signal.pidfd_send_signal(self._handle, number)
        except ProcessLookupError:
            return

    def pause(self) -> None:
        """SIGSTOP; returns when every thread stands still: one that still runs for a moment may answer a client."""
        self.send(signal.SIGSTOP)
        while self.alive and _runs(self.pid):
            time.sleep(0.001)

    def wait(self, timeout_seconds: float) -> bool:
        """False where it still runs after that time."""
        try:
            self._supervisor.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def end(self, timeout_seconds: float) -> None:
        """Asks it to stop (SIGTERM); after that time it is killed. Returns when it has ended."""
        self.send(signal.SIGTERM)
        # A paused process would sleep through the request.
        self.send(signal.SIGCONT)
        if not self.wait(timeout_seconds):
            self.send(signal.SIGKILL)
        self.release()

    def release(self) -> None:
        """Waits for its end and gives back what it held."""
        # Before the pipe is closed: its end would tell the supervisor that the owner is gone, and it removes the folder.
        self._supervisor.wait()
        self._supervisor.communicate()
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def _runs(pid: int) -> bool:
    """Whether any of its threads is neither stopped nor ended."""
    try:
        # The name in parentheses may itself hold spaces and parentheses.
        states = [
            (task / "stat").read_text().rpartition(")")[2].split()[0]
            for task in Path(f"/proc/{pid}/task").iterdir()
        ]
    except OSError:
        # A thread ended while it was looked at.
        return True
    return not set(states) <= set("TtZX")

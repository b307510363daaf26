"""Starts a stack that outlives its caller, and ends one by what it wrote down."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import streams
from streams.stack.errors import StackError, log_tail
from streams.stack.processes import ProcessIdentity
from streams.stack.running import RunningStack

# Fetching 44 MB over a slow line is the longest part.
_UP_SECONDS = 600.0
_DOWN_SECONDS = 60.0
_GONE_SECONDS = 15.0
_POLL_SECONDS = 0.05


def start_detached(state_folder: Path, data_folder: Path | None) -> RunningStack:
    """Returns when it serves. Raises StackError where it does not."""
    state_folder.mkdir(parents=True, exist_ok=True)
    log_path = state_folder / "hold.log"
    arguments = [str(state_folder.absolute()), str(data_folder.absolute()) if data_folder else ""]
    with log_path.open("wb") as log:
        holder = subprocess.Popen(
            [sys.executable, "-m", "streams.stack.hold", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            # Where the package is found whether it is installed or run from its folder.
            cwd=Path(streams.__file__ or "").parents[1],
        )
    deadline = time.monotonic() + _UP_SECONDS
    while holder.poll() is None:
        running = RunningStack.read(state_folder)
        if running is not None and running.owner.pid == holder.pid:
            return running
        if time.monotonic() > deadline:
            holder.terminate()
            raise StackError(f"the stack does not serve after {_UP_SECONDS:g} s; {log_tail(log_path)}")
        time.sleep(_POLL_SECONDS)
    raise StackError(f"the stack did not start; {log_tail(log_path)}")


def end(running: RunningStack) -> None:
    """Asks the owner to stop, kills it where it does not. Raises StackError where a server is left over."""
    running.owner.send(signal.SIGTERM)
    if not _gone([running.owner], _DOWN_SECONDS):
        # The servers end with it.
        running.owner.send(signal.SIGKILL)
    processes = [running.owner, *(server.process for server in running.servers)]
    if not _gone(processes, _GONE_SECONDS):
        left = ", ".join(str(process.pid) for process in processes if process.is_running())
        raise StackError(f"these processes of the stack still run: {left}. End them with kill -9")


def _gone(processes: list[ProcessIdentity], timeout_seconds: float) -> bool:
    deadline = time.monotonic() + timeout_seconds
    while any(process.is_running() for process in processes):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True

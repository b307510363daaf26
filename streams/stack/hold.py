"""The process that holds a stack: in the foreground, or detached (``python -m streams.stack.hold``)."""

import fcntl
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from streams.stack.errors import StackError, log_tail
from streams.stack.processes import ProcessIdentity
from streams.stack.running import RunningServer, RunningStack, forget
from streams.stack.stack import Stack

_CHECK_SECONDS = 0.5


def hold(state_folder: Path, data_folder: Path | None, ready: Callable[[RunningStack], None]) -> None:
    """Starts a stack, tells ``ready``, keeps it until SIGINT, SIGTERM or SIGHUP (KeyboardInterrupt, after cleaning up).

    Main thread only. Raises StackError where a stack is held already, cannot start, or one of its servers ends.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    state_folder.mkdir(parents=True, exist_ok=True)
    with (state_folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StackError("a stack runs or starts already: see `orchestrator stack status`") from None
        try:
            with Stack(data_folder) as stack:
                running = _described(stack)
                running.write(state_folder)
                ready(running)
                _wait(stack)
        finally:
            forget(state_folder)


def _described(stack: Stack) -> RunningStack:
    servers = []
    for server in stack.servers:
        process = ProcessIdentity.of(server.pid)
        if process is not None:
            servers.append(RunningServer(server.name, process, str(server.log_path)))
    owner = ProcessIdentity.of(os.getpid())
    assert owner is not None
    return RunningStack(owner, stack.kafka_bootstrap_servers, stack.nats_url, tuple(servers))


def _wait(stack: Stack) -> NoReturn:
    while True:
        for server in stack.servers:
            if not server.alive:
                raise StackError(f"{server.name} ended by itself; {log_tail(server.log_path)}")
        time.sleep(_CHECK_SECONDS)


def main() -> int:
    state_folder, data_folder = sys.argv[1:]
    try:
        hold(Path(state_folder), Path(data_folder) if data_folder else None, ready=lambda _: None)
    except StackError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())

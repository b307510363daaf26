"""A small process between an owner and a server: the server never outlives the owner, not even a kill -9 of it.

Runs as a script on the standard library alone, without site-packages, so that it is up in milliseconds:

    supervisor.py GRACE_SECONDS FOLDER_TO_REMOVE COMMAND ARGUMENT…      (an empty folder name: remove none)

Standard input is a pipe that the owner holds open; its end means that the owner is gone. Standard output gets the
server's process id. Standard error is the server's log. The exit status is the server's (128 + signal where killed).
"""

import ctypes
import os
import select
import shutil
import signal
import sys

_PR_SET_PDEATHSIG = 1
_OWNER_CHECK_MILLISECONDS = 500


def main(arguments: list[str]) -> int:
    grace_seconds, folder, *command = arguments
    owner = os.getppid()
    server = _start(command)
    os.write(1, f"{server}\n".encode())
    handle = os.pidfd_open(server)
    waiting = select.poll()
    waiting.register(0, select.POLLHUP)
    waiting.register(handle, select.POLLIN)
    while True:
        seen = {descriptor for descriptor, _ in waiting.poll(_OWNER_CHECK_MILLISECONDS)}
        if handle in seen:
            return _exit_status(server)
        # The pipe alone is not enough: a process that the owner forked holds it open after the owner's death.
        if 0 in seen or os.getppid() != owner:
            status = _end(server, handle, float(grace_seconds))
            if folder:
                shutil.rmtree(folder, ignore_errors=True)
            return status


def _start(command: list[str]) -> int:
    supervisor = os.getpid()
    library = ctypes.CDLL(None)
    server = os.fork()
    if server:
        return server
    try:
        # The signal comes when the *thread* that forked ends. This process has one thread: that is why the owner,
        # which may have many, does not do this itself.
        library.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != supervisor:
            os._exit(1)
        # Python ignores it, and an ignored signal stays ignored in the server.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(2, 1)
        os.execv(command[0], command)
    except OSError as error:
        os.write(2, f"cannot start {command[0]}: {error}\n".encode())
    os._exit(127)


def _end(server: int, handle: int, grace_seconds: float) -> int:
    os.kill(server, signal.SIGTERM)
    # A paused server would sleep through the request to stop.
    os.kill(server, signal.SIGCONT)
    if not select.select([handle], [], [], grace_seconds)[0]:
        os.kill(server, signal.SIGKILL)
    return _exit_status(server)


def _exit_status(server: int) -> int:
    code = os.waitstatus_to_exitcode(os.waitpid(server, 0)[1])
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

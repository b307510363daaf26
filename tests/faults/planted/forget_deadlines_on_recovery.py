"""The windows of due correlations are not rebuilt from the disk: what was open at a crash never times out."""

from typing import Any

from tables.correlations import OPEN, PartitionTable
from tests.faults.planted.replacing import replace


def plant() -> None:
    def make(scan: Any) -> Any:
        return lambda table, prefix, start: iter(()) if prefix == OPEN else scan(table, prefix, start)

    replace(PartitionTable, "_scan", make)

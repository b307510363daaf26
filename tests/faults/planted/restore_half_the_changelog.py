"""Every second record of the changelog is skipped while the local store is rebuilt."""

from typing import Any

from tables.correlations import PartitionTable
from tests.faults.planted.replacing import replace


def plant() -> None:
    def make(restore: Any) -> Any:
        return lambda table, records, offset: restore(table, list(records)[::2], offset)

    replace(PartitionTable, "restore", make)

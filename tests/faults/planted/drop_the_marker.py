"""After an outcome the row is deleted: what comes later opens the correlation again."""

from typing import Any

from orchestration.rows import Orchestrated
from tables.correlations import PartitionTable
from tests.faults.planted.replacing import replace


def plant() -> None:
    def make(put: Any) -> Any:
        return lambda table, corr_id, row: put(table, corr_id, None if isinstance(row, Orchestrated) else row)

    replace(PartitionTable, "put", make)

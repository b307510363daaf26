"""The windows of due correlations are not rebuilt from the disk: what was open at a crash never times out."""

from typing import Any

from tables.correlations import OPEN
from tables.disk import Disk
from tests.faults.planted.replacing import replace


def plant() -> None:
    def make(scan: Any) -> Any:
        def but_for_open(disk: Disk, prefix: bytes, *start: bytes) -> Any:
            return iter(()) if prefix == OPEN else scan(disk, prefix, *start)

        return but_for_open

    replace(Disk, "scan", make)

"""What comes after the outcome is counted and thrown away."""

from typing import Any

from orchestration.late import LateSignal
from orchestration.processor import PartitionProcessor
from tests.faults.planted.replacing import replace


def plant() -> None:
    def make(happened: Any) -> Any:
        def without_late(processor: Any, happening: Any, record: Any, effects: Any) -> None:
            if not isinstance(happening, LateSignal):
                happened(processor, happening, record, effects)

        return without_late

    replace(PartitionProcessor, "_happened", make)

"""A deadline fires as soon as a tick after it is read, although signals that came in time have not been read yet."""

from typing import Any

from streams.lane.partition import PartitionLane
from streams.topics import TICK_TOPIC
from tests.faults.planted.replacing import replace


def plant() -> None:
    def make(deliver: Any) -> Any:
        def at_once(lane: PartitionLane, topic: str, records: Any, read_to: int, at_end: bool) -> None:
            if topic == TICK_TOPIC and records:
                lane.processor.time_passed(records[-1].timestamp, lane._effects)
            deliver(lane, topic, records, read_to, at_end)

        return at_once

    replace(PartitionLane, "deliver", make)

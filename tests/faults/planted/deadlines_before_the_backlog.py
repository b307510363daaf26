"""Time is that of the newest record of any topic: after an outage deadlines fire before the other topics' backlog is read."""

from typing import Any

from streams.lane.partition import PartitionLane
from streams.topics import TICK_TOPIC
from tests.faults.planted.replacing import replace


def plant() -> None:
    def make(deliver: Any) -> Any:
        def by_the_newest_record(lane: PartitionLane, topic: str, records: Any, *arguments: Any) -> None:
            if topic != TICK_TOPIC and records:
                lane.processor.time_passed(records[-1].timestamp, lane._effects)
            deliver(lane, topic, records, *arguments)

        return by_the_newest_record

    replace(PartitionLane, "deliver", make)

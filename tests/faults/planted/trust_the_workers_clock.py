"""Time is what the worker's clock says when a tick comes, not what the broker wrote on the tick. The clock is off."""

import time
from typing import Any

from streams.lane.partition import PartitionLane
from streams.topics import TICK_TOPIC
from tests.faults.planted.replacing import replace


def plant() -> None:
    def make(deliver: Any) -> Any:
        def by_own_clock(lane: PartitionLane, topic: str, records: Any, *arguments: Any) -> None:
            if topic == TICK_TOPIC:
                now = time.time_ns() // 1_000_000
                records = [record._replace(timestamp=now) for record in records]
            deliver(lane, topic, records, *arguments)

        return by_own_clock

    replace(PartitionLane, "deliver", make)

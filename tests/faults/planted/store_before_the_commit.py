"""Rows go to the disk before their transaction is committed: after a crash the disk knows outcomes that nobody was sent."""

from typing import Any

from streams.lane.partition import PartitionLane
from streams.lane.store import Changes
from streams.lane.writer import Commit
from tests.faults.planted.replacing import die_once, replace


def plant() -> None:
    def make(write: Any) -> Any:
        def store_first(lane: PartitionLane, commit: Commit, changes: Changes) -> None:
            lane.store.write(changes, None)
            die_once(commit.messages)
            write(lane, commit, changes)

        return store_first

    replace(PartitionLane, "_write", make)

"""Without transactions around the outputs: rows and offsets are committed first, a crash loses what was not sent yet."""

from dataclasses import replace as changed
from typing import Any

from streams.lane.at_least_once_writer import AtLeastOnceWriter
from streams.lane.writer import Commit
from tests.faults.planted.replacing import die_once, replace


def plant() -> None:
    def make(commit: Any) -> Any:
        def state_first(writer: AtLeastOnceWriter, whole: Commit) -> int | None:
            found: int | None = commit(writer, changed(whole, messages=(), journal=None))
            die_once(whole.messages)
            commit(writer, changed(whole, changelog=(), offsets={}, journal=None))
            return found

        return state_first

    replace(AtLeastOnceWriter, "commit", make)

"""The offsets are committed before the outputs: a crash between the two loses what was read."""

from dataclasses import replace as changed
from typing import Any

from streams.lane.transactional_writer import TransactionalWriter
from streams.lane.writer import Commit
from tests.faults.planted.replacing import die_once, replace


def plant() -> None:
    def make(commit: Any) -> Any:
        def early(writer: TransactionalWriter, whole: Commit) -> int | None:
            commit(writer, changed(whole, messages=(), changelog=()))
            die_once(whole.messages)
            found: int | None = commit(writer, changed(whole, offsets={}))
            return found

        return early

    replace(TransactionalWriter, "commit", make)

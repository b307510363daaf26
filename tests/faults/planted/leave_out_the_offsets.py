"""Outputs and rows are committed, the group's offsets only now and then: everything would be read again."""

from dataclasses import replace as changed
from typing import Any

from streams.lane.transactional_writer import TransactionalWriter
from streams.lane.writer import Commit
from tests.faults.planted.replacing import replace


def plant() -> None:
    def make(commit: Any) -> Any:
        def without_offsets(writer: TransactionalWriter, whole: Commit) -> int | None:
            if whole.messages or whole.changelog:
                whole = changed(whole, offsets={})
            found: int | None = commit(writer, whole)
            return found

        return without_offsets

    replace(TransactionalWriter, "commit", make)

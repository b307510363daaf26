"""Where a worker can be told to die: named places in the product's functions, wrapped from outside."""

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import confluent_kafka

AFTER_FOLD = "after_fold"
AFTER_SEND = "after_send"
BEFORE_COMMIT = "before_commit"
BETWEEN_COMMIT_AND_STORE_WRITE = "between_commit_and_store_write"
IN_RECOVERY = "in_recovery"
WHILE_FIRING_A_DEADLINE = "while_firing_a_deadline"
KILL_POINTS = (
    AFTER_FOLD,
    AFTER_SEND,
    BEFORE_COMMIT,
    BETWEEN_COMMIT_AND_STORE_WRITE,
    IN_RECOVERY,
    WHILE_FIRING_A_DEADLINE,
)

Passed = Callable[[int], None]
"""Told of each pass with the size of what is unfinished there: records, messages, rows or outcomes. May not return."""


class Countdown:
    """Kills this process (SIGKILL) at the ``passes``-th pass, after writing down that it does."""

    def __init__(self, point: str, passes: int, landed: Path) -> None:
        self._point = point
        self._remaining = passes
        self._landed = landed

    def __call__(self, unfinished: int) -> None:
        self._remaining -= 1
        if self._remaining == 0:
            told = {"point": self._point, "at": time.time(), "unfinished": unfinished, "pid": os.getpid()}
            self._landed.write_text(json.dumps(told))
            os.kill(os.getpid(), signal.SIGKILL)


def arm(point: str, passed: Passed) -> None:
    """To be called before the product is imported. Raises KeyError for a point that is none."""
    {
        AFTER_FOLD: _after_fold,
        AFTER_SEND: _after_send,
        BEFORE_COMMIT: _before_commit,
        BETWEEN_COMMIT_AND_STORE_WRITE: _before_store_write,
        IN_RECOVERY: _in_recovery,
        WHILE_FIRING_A_DEADLINE: _deadline,
    }[point](passed)


def _after_fold(passed: Passed) -> None:
    """Records are folded and nothing of it is written."""
    from orchestration.processor import PartitionProcessor

    take = PartitionProcessor.take

    def wrapped(self: PartitionProcessor, records: Any, effects: Any) -> None:
        batch = list(records)
        take(self, batch, effects)
        passed(len(batch))

    PartitionProcessor.take = wrapped  # type: ignore[method-assign]


def _deadline(passed: Passed) -> None:
    """A deadline has made an outcome, and nothing of it is written."""
    from orchestration.processor import PartitionProcessor

    time_passed = PartitionProcessor.time_passed

    def wrapped(self: PartitionProcessor, time: int, effects: Any) -> None:
        before = len(effects.outcomes)
        time_passed(self, time, effects)
        if len(effects.outcomes) > before:
            passed(len(effects.outcomes) - before)

    PartitionProcessor.time_passed = wrapped  # type: ignore[method-assign]


def _before_store_write(passed: Passed) -> None:
    """The log has the rows, the disk does not."""
    from tables.correlations import PartitionTable

    write = PartitionTable.write

    def wrapped(self: PartitionTable, changes: Any, changelog_offset: int | None) -> None:
        if changes.rows:
            passed(len(changes.rows))
        write(self, changes, changelog_offset)

    PartitionTable.write = wrapped  # type: ignore[method-assign]


def _in_recovery(passed: Passed) -> None:
    """Part of the changelog is on the disk."""
    from tables.correlations import PartitionTable

    restore = PartitionTable.restore

    def wrapped(self: PartitionTable, records: Any, changelog_offset: int) -> None:
        batch = list(records)
        restore(self, batch, changelog_offset)
        passed(len(batch))

    PartitionTable.restore = wrapped  # type: ignore[method-assign]


def _after_send(passed: Passed) -> None:
    """The broker has all outputs of a commit, and not the offsets."""
    _watch_producers(lambda producer: None, passed)


def _before_commit(passed: Passed) -> None:
    """The broker has all that the transaction holds, and the transaction is open."""
    _watch_producers(passed, lambda producer: None)


def _watch_producers(before_commit: Passed, after_send: Passed) -> None:
    original: type[Any] = confluent_kafka.Producer

    class WatchedProducer(original):  # type: ignore[misc]
        """``_outputs``: messages other than rows that the broker may not have yet. ``_held``: all that the open
        transaction holds."""

        _outputs = 0
        _held = 0

        def produce(self, topic: str, *arguments: Any, **named: Any) -> None:
            super().produce(topic, *arguments, **named)
            self._held += 1
            # Ticks are written by a producer of the same class, which nobody waits for.
            if not topic.endswith("-changelog") and topic != "orchestrator.tick":
                self._outputs += 1

        def flush(self, *arguments: Any) -> int:
            left: int = super().flush(*arguments)
            if left == 0:
                self._sent()
            return left

        def send_offsets_to_transaction(self, *arguments: Any) -> None:
            # Sent, here, means that the broker has it.
            while self._outputs and super().flush(1.0):
                pass
            self._sent()
            super().send_offsets_to_transaction(*arguments)

        def commit_transaction(self, *arguments: Any) -> None:
            if self._held:
                before_commit(self._held)
            super().commit_transaction(*arguments)
            self._held = 0

        def _sent(self) -> None:
            outputs, self._outputs = self._outputs, 0
            if outputs:
                after_send(outputs)

    confluent_kafka.Producer = WatchedProducer  # type: ignore[misc]

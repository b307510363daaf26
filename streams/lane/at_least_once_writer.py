"""At least once: outputs first, the state after them; a crash in between repeats the outputs with the same bytes.

The accident that the journal prevents: read again after a crash, the same records come in another order, and an outcome that
was sent is decided differently (docs/decisions/at-least-once.md).
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, ClassVar

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka import Message as Report

from streams.lane.journal import journal_note
from streams.lane.membership_metadata import Membership
from streams.lane.writer import (
    REFUSED_FOR_GOOD,
    Commit,
    JournalEntry,
    LostPartition,
    Refusal,
    SinksRefuse,
    UnknownOutcome,
    Writer,
)

Produced = tuple[str, bytes | None, bytes | None, Any, int]
StillMember = Callable[[int, Mapping[str, int], Membership], bool]
"""``(partition, offsets, membership)``: commit as the group's member, from whatever thread; False: it is none any more."""


class AtLeastOnceWriter:
    """``state`` writes changelog and offsets, and is the lease on the partition."""

    journals: ClassVar[bool] = True

    def __init__(
        self,
        configuration: Mapping[str, Any],
        state: Writer,
        changelog_topic: str,
        give_up_after: float,
        still_member: StillMember,
    ) -> None:
        self._state = state
        self._changelog_topic = changelog_topic
        self._give_up_after = give_up_after
        self._still_member = still_member
        self._abandoned = False
        self._heard = 0
        self._producer = Producer(dict(configuration) | {"message.timeout.ms": round(give_up_after * 1000)})

    @property
    def heard(self) -> int:
        return self._heard + self._state.heard

    def fence(self) -> None:
        self._state.fence()

    def commit(self, commit: Commit) -> int | None:
        if commit.messages:
            if commit.journal is not None:
                self._write_down(commit.journal, commit)
            self._send_outputs(commit)
        return self._state.commit(replace(commit, messages=(), journal=None))

    def abandon(self) -> None:
        self._abandoned = True
        self._state.abandon()

    def close(self) -> None:
        self._producer.purge()
        self._state.close()

    def _write_down(self, journal: JournalEntry, commit: Commit) -> None:
        key, value = journal_note(*journal)
        _raise_unwritten(self._send([(self._changelog_topic, key, value, None, commit.partition)]))
        # Asked after the journal stands: whoever owns the partition next is told of it, or we are told of him.
        if not self._still_member(commit.partition, journal.stretch.begin, commit.membership):
            raise LostPartition("the group has another generation")
        # The partition may have been given up and brought up again by this very member meanwhile.
        if self._abandoned:
            raise LostPartition("the partition was given up meanwhile")

    def _send_outputs(self, commit: Commit) -> None:
        errors = self._send(
            (message.topic, message.key, message.value, list(message.headers), -1)
            for message in commit.messages
        )
        refusals = [
            Refusal(index, error)
            for index, error in errors.items()
            if error is not None and error.code() in REFUSED_FOR_GOOD
        ]
        if refusals:
            raise SinksRefuse(refusals, others_written=True)
        _raise_unwritten(errors)

    def _send(self, records: Iterable[Produced]) -> dict[int, KafkaError | None]:
        """Send and wait for every acknowledgement; per index what the broker said."""
        errors: dict[int, KafkaError | None] = {}
        count = 0
        for index, (topic, key, value, headers, partition) in enumerate(records):
            count += 1

            def delivered(error: KafkaError | None, _: Report, index: int = index) -> None:
                errors[index] = error

            while True:
                try:
                    self._producer.produce(
                        topic, value, key, partition, on_delivery=delivered, headers=headers
                    )
                except BufferError:
                    self._producer.poll(0.05)
                    if self._abandoned:
                        raise LostPartition("the partition was given up meanwhile") from None
                except KafkaException as exception:
                    errors[index] = exception.args[0]
                    break
                else:
                    break
        deadline = time.monotonic() + self._give_up_after
        while len(errors) < count and time.monotonic() < deadline:
            self._producer.flush(1.0)
            self._heard += 1
            if self._abandoned:
                raise LostPartition("the partition was given up meanwhile")
        if len(errors) < count:
            raise UnknownOutcome("the broker did not acknowledge in time")
        return errors


def _raise_unwritten(errors: Mapping[int, KafkaError | None]) -> None:
    for error in errors.values():
        if error is not None:
            raise UnknownOutcome(error.str())

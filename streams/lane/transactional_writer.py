"""Exactly once: outputs, changelog and offsets of a commit in one Kafka transaction.

The transactional id is the partition's, so its producer epoch is the lease on the partition: whoever calls
``init_transactions`` last owns it, and everything that an earlier owner has not committed is aborted by that call.
"""

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka import Message as Report

from streams.lane.writer import REFUSED_FOR_GOOD, Commit, LostPartition, Refusal, SinksRefuse, UnknownOutcome
from streams.records import offset_of

logger = logging.getLogger(__name__)

FENCED = frozenset(
    {
        KafkaError._FENCED,
        KafkaError.PRODUCER_FENCED,
        KafkaError.INVALID_PRODUCER_EPOCH,
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.UNKNOWN_MEMBER_ID,
        KafkaError.FENCED_INSTANCE_ID,
        KafkaError.REBALANCE_IN_PROGRESS,
    }
)


_LONGEST_PAUSE_SECONDS = 1.0

_SLICE_SECONDS = 1.0
"""librdkafka goes on with a call that timed out when it is made again, so a long wait is made of short ones."""


class TransactionalWriter:
    """``give_up_after``: seconds after which a commit that the broker does not answer counts as unknown."""

    journals: ClassVar[bool] = False

    def __init__(
        self,
        configuration: Mapping[str, Any],
        transactional_id: str,
        changelog_topic: str,
        transaction_timeout: float,
        give_up_after: float,
    ) -> None:
        self._changelog_topic = changelog_topic
        self._give_up_after = give_up_after
        self._abandoned = False
        self.heard = 0
        self._producer = Producer(
            dict(configuration)
            | {
                "transactional.id": transactional_id,
                "transaction.timeout.ms": round(transaction_timeout * 1000),
                # A message may wait no longer than its transaction lives.
                "message.timeout.ms": round(transaction_timeout * 1000),
            }
        )

    def fence(self) -> None:
        self._patiently(self._producer.init_transactions)

    def commit(self, commit: Commit) -> int | None:
        deadline = time.monotonic() + self._give_up_after
        watched = False
        pause = 0.02
        while True:
            refused: list[Refusal] = []
            try:
                return self._transaction(commit, refused, watched, deadline)
            except KafkaException as exception:
                error = _error(exception)
                self._raise_if_lost(error)
                self._raise_if_abandoned()
                self._abort(deadline)
                if refused:
                    raise SinksRefuse(refused, others_written=False) from None
                # A topic that is gone, and that this producer has used: it goes on asking for it, and the broker refuses the
                # transaction as a whole. A new producer learns which message it is.
                gone = watched and error.code() in REFUSED_FOR_GOOD
                if gone or time.monotonic() > deadline:
                    raise UnknownOutcome(error.str()) from exception
                # Which message failed is asked for only now: a callback for each costs a fifth of the throughput.
                watched = True
                logger.warning(
                    "transaction of partition %d aborted, trying again: %s", commit.partition, error.str()
                )
                time.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    def abandon(self) -> None:
        self._abandoned = True

    def close(self) -> None:
        # Not flushed: what is not committed must not come through. The destructor does not wait.
        self._producer.purge()

    def _transaction(
        self, commit: Commit, refused: list[Refusal], watched: bool, deadline: float
    ) -> int | None:
        producer = self._producer
        producer.begin_transaction()
        changelog_offset: list[int] = []

        def changelog_delivered(error: KafkaError | None, report: Report) -> None:
            if error is None:
                changelog_offset.append(offset_of(report) + 1)

        last = len(commit.changelog) - 1
        topic, partition = self._changelog_topic, commit.partition
        for index, (key, value) in enumerate(commit.changelog):
            if index == last:
                self._produce(topic, key, value, None, partition, changelog_delivered)
            else:
                self._produce(topic, key, value, None, partition, None)
        for index, message in enumerate(commit.messages):
            callback = _watch(index, refused) if watched else None
            try:
                self._produce(message.topic, message.key, message.value, list(message.headers), -1, callback)
            except KafkaException as exception:
                if _error(exception).code() in REFUSED_FOR_GOOD:
                    refused.append(Refusal(index, _error(exception)))
                raise
        if commit.offsets:
            self._patiently(
                lambda timeout: producer.send_offsets_to_transaction(
                    [TopicPartition(name, partition, offset) for name, offset in commit.offsets.items()],
                    commit.membership.metadata(),
                    timeout,
                )
            )
        # commit_transaction does not serve delivery reports, and the changelog's is needed.
        while producer.flush(_SLICE_SECONDS) > 0 and time.monotonic() < deadline:
            self.heard += 1
            self._raise_if_abandoned()
        self._patiently(producer.commit_transaction)
        producer.poll(0)
        return changelog_offset[-1] if changelog_offset else None

    def _produce(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Any,
        partition: int,
        callback: Callable[[KafkaError | None, Report], None] | None,
    ) -> None:
        while True:
            try:
                if callback is None:
                    self._producer.produce(topic, value, key, partition, headers=headers)
                else:
                    self._producer.produce(
                        topic, value, key, partition, on_delivery=callback, headers=headers
                    )
            except BufferError:
                self._producer.poll(0.05)
                self._raise_if_abandoned()
            else:
                return

    def _patiently(self, call: Callable[[float], None], deadline: float | None = None) -> None:
        """Call again for as long as librdkafka says that calling again is right."""
        if deadline is None:
            deadline = time.monotonic() + self._give_up_after
        while True:
            try:
                call(_SLICE_SECONDS)
            except KafkaException as exception:
                error = _error(exception)
                if not error.retriable() or time.monotonic() > deadline:
                    self._raise_if_lost(error)
                    raise
                self._raise_if_abandoned()
            else:
                return
            finally:
                self.heard += 1

    def _abort(self, deadline: float) -> None:
        try:
            self._patiently(self._producer.abort_transaction, deadline)
        except KafkaException as exception:
            raise UnknownOutcome(_error(exception).str()) from exception

    def _raise_if_abandoned(self) -> None:
        if self._abandoned:
            raise LostPartition("the partition was given up meanwhile")

    def _raise_if_lost(self, error: KafkaError) -> None:
        if error.code() in FENCED:
            raise LostPartition(error.str())
        if error.fatal():
            raise UnknownOutcome(error.str())


def _watch(index: int, refused: list[Refusal]) -> Callable[[KafkaError | None, Report], None]:
    def delivered(error: KafkaError | None, _: Report) -> None:
        if error is not None and error.code() in REFUSED_FOR_GOOD:
            refused.append(Refusal(index, error))

    return delivered


def _error(exception: KafkaException) -> KafkaError:
    error: KafkaError = exception.args[0]
    return error

"""Writes a batch and the position behind it in one Kafka transaction. The transactional id is the subject's: its lease."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka import Message as Report

from orchestration.message import Message

_FENCED = frozenset({KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH})
_REFUSED_FOR_GOOD = frozenset(
    {KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_RECORD, KafkaError._INVALID_ARG}
)
_SLICE_SECONDS = 1.0
"""librdkafka goes on with a call that timed out when it is made again, so a long wait is made of short ones."""
PATIENCE_SECONDS = 15.0


class SubjectTaken(Exception):
    """Another mirror reads the subject now; nothing of the batch is in Kafka."""


class KafkaUnavailable(Exception):
    """The batch may or may not be in Kafka: a new writer fences this one, and the position tells."""


class RecordsRefused(Exception):
    """Kafka will never take these records; ``indexes`` are their places in the batch. Nothing of it is in Kafka."""

    def __init__(self, indexes: frozenset[int]) -> None:
        super().__init__(f"{len(indexes)} records are refused for good")
        self.indexes = indexes


class KafkaWriter:
    """For one thread at a time. After any exception of ``write`` it is of no more use: ``close`` it, make a new one.

    ``watched``: find out which records Kafka refuses, at a fraction of the speed.
    """

    def __init__(
        self,
        configuration: Mapping[str, Any],
        transactional_id: str,
        transaction_timeout: float,
        *,
        watched: bool = False,
    ) -> None:
        self._watched = watched
        self._producer = Producer(
            dict(configuration)
            | {
                "transactional.id": transactional_id,
                "transaction.timeout.ms": round(transaction_timeout * 1000),
                "message.timeout.ms": round(transaction_timeout * 1000),
            }
            # Kafka refuses a batch as a whole: with others in it they would be taken for refused too.
            | ({"batch.num.messages": 1} if watched else {})
        )

    def fence(self, cancelled: Callable[[], bool]) -> None:
        """Whoever wrote before writes no more, and what it had not committed is aborted. Raises KafkaUnavailable."""
        self._patiently(self._producer.init_transactions, cancelled)

    def write(self, messages: Sequence[Message], position: tuple[str, int, bytes, bytes]) -> None:
        """All of it is committed, or an exception says otherwise. ``position``: topic, partition, key, value.

        Raises SubjectTaken, KafkaUnavailable, and RecordsRefused where watched.
        """
        refused: set[int] = set()
        try:
            self._producer.begin_transaction()
            for index, message in enumerate(messages):
                self._produce(message, self._watch(index, refused) if self._watched else None)
            topic, partition, key, value = position
            self._producer.produce(topic, value, key, partition)
            if self._watched:
                # Committing serves no delivery reports.
                self._producer.flush(PATIENCE_SECONDS)
        except (KafkaException, BufferError) as error:
            self._raise(error, refused)
        self._patiently(self._producer.commit_transaction, lambda: False, refused)

    def close(self) -> None:
        # Not flushed: what is not committed must not come through.
        self._producer.purge()

    @staticmethod
    def _watch(index: int, refused: set[int]) -> Callable[[KafkaError | None, Report], None]:
        def delivered(error: KafkaError | None, _: Report) -> None:
            if error is not None and error.code() in _REFUSED_FOR_GOOD:
                refused.add(index)

        return delivered

    def _produce(
        self, message: Message, callback: Callable[[KafkaError | None, Report], None] | None
    ) -> None:
        # Without a partition: the client's own partitioner is Kafka's murmur2; a dead letter without a key goes anywhere.
        arguments: dict[str, Any] = {} if callback is None else {"on_delivery": callback}
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                self._producer.produce(
                    message.topic, message.value, message.key, headers=list(message.headers), **arguments
                )
            except BufferError:
                if time.monotonic() > deadline:
                    raise
                self._producer.poll(0.05)
            else:
                return

    def _patiently(
        self, call: Callable[[float], None], cancelled: Callable[[], bool], refused: set[int] | None = None
    ) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                call(_SLICE_SECONDS)
            except KafkaException as exception:
                retriable = exception.args[0].retriable()
                if not retriable or time.monotonic() > deadline or cancelled():
                    self._raise(exception, refused or set())
            else:
                return

    def _raise(self, problem: KafkaException | BufferError, refused: set[int]) -> None:
        error = problem.args[0] if isinstance(problem, KafkaException) else None
        if error is not None and error.code() in _FENCED:
            raise SubjectTaken(error.str()) from None
        if refused:
            raise RecordsRefused(frozenset(refused)) from None
        text = error.str() if error is not None else str(problem)
        raise KafkaUnavailable(text) from problem

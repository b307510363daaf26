"""At least once: outputs first, then the changelog, then the offsets; a crash in between repeats an outcome.

The order matters: a marker in the changelog whose outcome was never sent would be an outcome lost.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka import Message as Report

from streams.lane.writer import REFUSED_FOR_GOOD, Commit, LostPartition, Refusal, SinksRefuse, UnknownOutcome
from streams.records import offset_of

Produced = tuple[str, bytes | None, bytes | None, Any, int]


class AtLeastOnceWriter:
    """``commit_offsets(commit)`` commits as the group's member, from whatever thread; False: it is no member any more."""

    def __init__(
        self,
        configuration: Mapping[str, Any],
        changelog_topic: str,
        give_up_after: float,
        commit_offsets: Callable[[Commit], bool],
    ) -> None:
        self._changelog_topic = changelog_topic
        self._give_up_after = give_up_after
        self._abandoned = False
        self._commit_offsets = commit_offsets
        self._producer = Producer(dict(configuration) | {"message.timeout.ms": round(give_up_after * 1000)})

    def fence(self) -> None:
        """Nothing to fence: the group's generation alone keeps a former owner from committing."""

    def commit(self, commit: Commit) -> int | None:
        reports = self._send(
            (message.topic, message.key, message.value, list(message.headers), -1)
            for message in commit.messages
        )
        refusals = [
            Refusal(index, error)
            for index, (error, _) in reports.items()
            if error and error.code() in REFUSED_FOR_GOOD
        ]
        if refusals:
            raise SinksRefuse(refusals, others_written=True)
        changelog = self._send(
            (self._changelog_topic, key, value, None, commit.partition) for key, value in commit.changelog
        )
        for error, _ in (*reports.values(), *changelog.values()):
            if error is not None:
                raise UnknownOutcome(error.str())
        if commit.offsets and not self._commit_offsets(commit):
            raise LostPartition("the group has another generation")
        return max(
            (offset_of(report) + 1 for _, report in changelog.values() if report is not None), default=None
        )

    def abandon(self) -> None:
        self._abandoned = True

    def close(self) -> None:
        self._producer.purge()

    def _send(self, records: Iterable[Produced]) -> dict[int, tuple[KafkaError | None, Report | None]]:
        """Send and wait for every acknowledgement; per index what the broker said."""
        reports: dict[int, tuple[KafkaError | None, Report | None]] = {}
        count = 0
        for index, (topic, key, value, headers, partition) in enumerate(records):
            count += 1

            def delivered(error: KafkaError | None, report: Report, index: int = index) -> None:
                reports[index] = (error, report)

            while True:
                try:
                    self._producer.produce(
                        topic, value, key, partition, on_delivery=delivered, headers=headers
                    )
                except BufferError:
                    self._producer.poll(0.05)
                except KafkaException as exception:
                    reports[index] = (exception.args[0], None)
                    break
                else:
                    break
        deadline = time.monotonic() + self._give_up_after
        while len(reports) < count and time.monotonic() < deadline:
            self._producer.flush(1.0)
            if self._abandoned:
                raise LostPartition("the partition was given up meanwhile")
        if len(reports) < count:
            raise UnknownOutcome("the broker did not acknowledge in time")
        return reports

"""What readers of the topics see when a seed is over: inputs as the reference model reads them, and all outputs."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from typing import Any, NamedTuple

import msgspec

from orchestration.record import LogRecord
from orchestration.rows import Collecting
from tests.faults.reference_time import milliseconds_of
from tests.faults.reference_validation import DeadLetterError, Signal, read_signal
from tests.simulation.arrivals import AGENTS
from tests.simulation.checks import committed_rows
from tests.simulation.files import TTL_SEC, WorkflowFile, workflow_file
from tests.simulation.rows import known_row
from tests.simulation.world import Beginning, Guarantee, World

Json = dict[str, Any]
Coordinate = tuple[str, int, int]
"""Topic, partition, offset of an input record."""

DECISION = "orchestrated.decision"
AUDIT = "audit.orchestration.decision"
LATE = "signals.late"

_decode = msgspec.json.Decoder().decode


def decoded(record: LogRecord) -> Json:
    """To be read only: it is shared."""
    return _decoded(record.value or b"")


@lru_cache(1024)
def _decoded(value: bytes) -> Json:
    message: Json = _decode(value)
    return message


class Outcome(NamedTuple):
    """One that an audit record tells of. Times in ms. ``opened_after``: the end of the marker before, if there was one."""

    corr_id: str
    at: int
    audit: Json
    file: WorkflowFile
    opened_after: int | None

    @property
    def expires(self) -> int:
        return self.at + round(TTL_SEC * 1000)

    def __str__(self) -> str:
        return f"{self.corr_id} at {self.audit['timestamp']}"


@dataclass
class Observed:
    """``signals``: by corr_id everything that was accepted. ``rejected``: what has to be a dead letter, and why.

    ``outcomes``: distinct ones, by corr_id in the order of their times. ``sent``: every output, repeats included.
    ``before``: by corr_id the signals that an agent published before its topic was read at all. ``left_out``: corr_ids
    of which nobody says what should have become of them.
    """

    guarantee: Guarantee
    signals: dict[str, list[Signal]] = field(default_factory=lambda: defaultdict(list))
    rejected: dict[Coordinate, str] = field(default_factory=dict)
    outcomes: dict[str, list[Outcome]] = field(default_factory=lambda: defaultdict(list))
    sent: dict[str, list[LogRecord]] = field(default_factory=lambda: defaultdict(list))
    before: dict[str, list[Signal]] = field(default_factory=lambda: defaultdict(list))
    left_out: int = 0

    def joining(self, outcome: Outcome) -> list[Signal]:
        """The signals of its corr_id that are not answered for by the marker before."""
        after = outcome.opened_after
        return [
            signal for signal in self.signals[outcome.corr_id] if after is None or signal.timestamp > after
        ]

    def leave_out(self, corr_id: str) -> None:
        """All that came of its accepted signals; dead letters stay."""
        self.left_out += 1
        self.signals.pop(corr_id, None)
        self.outcomes.pop(corr_id, None)
        for topic, records in self.sent.items():
            if not topic.startswith("dlq."):
                self.sent[topic] = [record for record in records if record.key != corr_id.encode()]

    def all_outcomes(self) -> Iterable[Outcome]:
        return (outcome for outcomes in self.outcomes.values() for outcome in outcomes)


def observe(world: World) -> Observed:
    """Everything that was written, as a reader at read_committed has it."""
    observed = Observed(world.guarantee)
    inputs = workflow_file(world.file, world.partitions).topics
    for log in world.log.all():
        if log.topic in inputs:
            beginning = world.beginnings.get((log.topic, log.partition))
            for record in log.history():
                _read_input(observed, record, world.partitions, beginning)
        elif not log.topic.startswith(("orchestrator.", "changelog", "signals.enriched")):
            observed.sent[log.topic].extend(log.history())
    seen: set[bytes | None] = set()
    for record in observed.sent[AUDIT]:
        if record.value not in seen:
            seen.add(record.value)
            _read_audit(observed, record, world.partitions)
    for corr_id in reopened_by_a_newly_named_agent(world, observed):
        observed.leave_out(corr_id)
    for outcomes in observed.outcomes.values():
        outcomes.sort(key=lambda outcome: outcome.at)
        for index, outcome in enumerate(outcomes[1:]):
            outcomes[index + 1] = outcome._replace(opened_after=outcomes[index].expires)
    return observed


def reopened_by_a_newly_named_agent(world: World, observed: Observed) -> list[str]:
    """The hole that is known: a newly named agent's record that is read for another correlation's sake.

    It came after the oldest open correlation's first record (or was in a transaction still), and before the end of its
    own corr_id's marker, which was gone when the agent was named: it opens the correlation anew within the marker's time.
    """
    found = []
    for corr_id, signals in observed.signals.items():
        for signal in signals:
            place = signal.topic, signal.partition
            beginning = world.beginnings.get(place)
            if beginning is None or signal.offset >= beginning.end:
                continue
            answered = any(
                signal.topic not in outcome.file.topics and signal.timestamp <= outcome.expires
                for outcome in observed.outcomes.get(corr_id, ())
            )
            if not answered or corr_id.encode() in committed_rows(
                world, signal.partition, beginning.changelog_end
            ):
                continue
            since = open_since(world, signal.partition, beginning.restored_to)
            if world.log[place].transactions[signal.offset] is not None or (
                since is not None and signal.timestamp >= since
            ):
                found.append(corr_id)
                break
    return found


def open_since(world: World, partition: int, changelog_end: int) -> int | None:
    """The oldest ``first_seen`` among the correlations that were open at this offset of the changelog."""
    rows = (known_row(data, partition) for data in committed_rows(world, partition, changelog_end).values())
    return min((row.first_seen for row in rows if isinstance(row, Collecting)), default=None)


def _read_audit(observed: Observed, record: LogRecord, partitions: int) -> None:
    audit = decoded(record)
    digest = audit["decision"]["workflow_digest"]
    (file,) = [each for i in (0, 1) if digest in (each := workflow_file(i, partitions)).digests]
    outcome = Outcome(audit["corr_id"], milliseconds_of(audit["timestamp"]), audit, file, None)
    observed.outcomes[outcome.corr_id].append(outcome)


def _read_input(observed: Observed, record: LogRecord, partitions: int, beginning: Beginning | None) -> None:
    read = _read(record.topic, record.partition, record.key, record.value, partitions)
    place = record.topic, record.partition, record.offset
    ignored = beginning is not None and record.offset < beginning.offset
    if isinstance(read, str):
        if not ignored:
            observed.rejected[place] = read
        return
    if read.error is not None and not ignored:
        observed.rejected[place] = read.error["type"]
    if not (read.normalized and read.error):
        signal = replace(read, offset=record.offset, timestamp=record.timestamp)
        (observed.before if ignored else observed.signals)[signal.corr_id].append(signal)


@cache
def _read(
    topic: str, partition: int, key: bytes | None, value: bytes | None, partitions: int
) -> Signal | str:
    """Payloads are shared by all seeds, and the reference model reads slowly."""
    try:
        return read_signal(LogRecord(topic, partition, 0, 0, key, value), set(AGENTS), partitions)
    except DeadLetterError as reason:
        return str(reason)


def late_place(record: LogRecord) -> Coordinate:
    headers = dict(record.headers)
    return (
        headers["late_topic"].decode(),
        int(headers["late_partition"]),
        int(headers["late_offset"]),
    )


def dead_letter_place(record: LogRecord) -> Coordinate:
    headers = dict(record.headers)
    return (
        headers["__connect.errors.topic"].decode(),
        int(headers["__connect.errors.partition"]),
        int(headers["__connect.errors.offset"]),
    )

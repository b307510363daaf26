"""`replay --verify-against`: what live decided beside what the replay decides on the same cuts."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from agents.orchestrator.garbage import settle
from agents.replay.counted import BadLines
from agents.replay.differences import Difference
from agents.replay.live import audit_topic_of, fill
from agents.replay.parity import Compared, PartitionParity
from agents.replay.progress import Show, progress
from agents.replay.rows import Rows
from agents.replay.runner import STEP_RECORDS
from agents.replay.spool import Spool
from agents.replay.stop import Stop
from agents.replay.task import Source, Task
from config.version import orchestrator_version
from orchestration.record import LogRecord
from streams.recordings.ranges import Wanted
from streams.recordings.read import RecordingError

TOLD = 50

Place = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Sides:
    """Both sides of a comparison. ``begins``, ``ends`` and ``committed`` by topic and partition; empty where nobody knows."""

    live: Callable[[], Source]
    inputs: Callable[[], Source]
    begins: Mapping[Place, int] = field(default_factory=dict)
    ends: Mapping[Place, int] = field(default_factory=dict)
    committed: Mapping[Place, int] = field(default_factory=dict)
    begun: int | None = None


@dataclass(slots=True)
class Verified:
    """``differences``: the first ``TOLD`` of them."""

    compared: Compared
    differences: list[Difference] = field(default_factory=list)
    bad_lines: int = 0

    @property
    def different(self) -> int:
        return self.compared.different

    def differ(self, difference: Difference) -> None:
        if len(self.differences) < TOLD:
            self.differences.append(difference)

    def text(self, *, as_json: bool) -> str:
        compared = self.compared
        own = orchestrator_version()
        other = {version: n for version, n in compared.versions.items() if version != own}
        if as_json:
            content = {
                "decisions": compared.equal + compared.different,
                "equal": compared.equal,
                "different": compared.different,
                "outside_of_range": compared.outside,
                "repeated": compared.repeated,
                "live_digest": compared.live.text,
                "replay_digest": compared.replay.text,
                "orchestrator_versions": dict(compared.versions),
                "records_after_last_cut": compared.after_last_cut,
                "bad_lines": self.bad_lines,
                "differences": [difference.as_json() for difference in self.differences],
            }
            return msgspec.json.encode(content).decode()
        lines = [str(difference) for difference in self.differences]
        if compared.different > len(lines):
            lines.append(f"… and {compared.different - len(lines):,} more")
        decisions = compared.equal + compared.different
        lines += [
            f"compared      {decisions:,} decisions: {compared.equal:,} equal, {compared.different:,} different",
            f"live          {compared.live.text}",
            f"replay        {compared.replay.text}",
        ]
        if other:
            told = ", ".join(f"{version} {n:,}" for version, n in sorted(other.items()))
            lines.append(f"versions      {told} (this is {own})")
        if compared.repeated:
            lines.append(
                f"repeated      {compared.repeated:,} decisions stand on the topic again, byte for byte"
            )
        if compared.outside:
            lines.append(f"outside       {compared.outside:,} decisions on records outside of the range")
        if compared.after_last_cut:
            lines.append(f"after         {compared.after_last_cut:,} records that no decision was made after")
        if self.bad_lines:
            lines.append(f"bad lines     {self.bad_lines:,}")
        return "\n".join(lines)


def verify(task: Task, wanted: Wanted, topic: str, stop: Stop, say: Callable[[str], None]) -> Verified:
    """Raises RecordingError, also for a topic without audit records beside it, and WorkflowFileError."""
    audit_topic = audit_topic_of(topic)
    if audit_topic is None:
        raise RecordingError(
            f"--verify-against {topic}: expected orchestrated.decision, or a topic that ends so"
        )
    bad = BadLines(say)
    verified = Verified(Compared())
    sides = _of_files(task, bad) if task.files else _of_kafka(task, wanted, (topic, audit_topic))
    with Spool() as spool:
        with progress("Live decisions") as show:
            for difference in fill(spool, _read(sides.live, stop, show), topic, task.partitions):
                verified.compared.different += 1
                verified.differ(difference)
        if task.files:
            # Both passes meet the same lines.
            bad.count = 0
        verified.compared.repeated = spool.complete()
        for corr_id in spool.without_audit():
            verified.compared.different += 1
            verified.differ(Difference(corr_id, "a decision without an audit record"))
        if not stop.asked:
            _compare(task, sides, spool, verified, stop)
    verified.bad_lines = bad.count
    return verified


def _compare(task: Task, sides: Sides, spool: Spool, verified: Verified, stop: Stop) -> None:
    rules = task.rules()
    intake = rules.intake()
    rows = Rows(task.memory_bytes)
    partitions: dict[int, PartitionParity] = {}

    def partition(number: int) -> PartitionParity:
        if number not in partitions:
            partitions[number] = PartitionParity(
                rules,
                intake,
                rows,
                number,
                spool.cuts(number),
                _of(sides.begins, number),
                sides.begun,
                verified.compared,
                verified.differ,
            )
        return partitions[number]

    settle()
    with progress("Parity") as show:
        for record in _read(sides.inputs, stop, show):
            if record.topic in intake.topics:
                partition(record.partition).add(record)
    for number in spool.partitions():
        partition(number)
    for number in sorted(partitions):
        if stop.asked:
            partitions[number].abandon()
        else:
            partitions[number].finish(_of(sides.ends, number), _of(sides.committed, number))
    rows.close()


def _of(places: Mapping[Place, int], partition: int) -> dict[str, int]:
    return {topic: offset for (topic, number), offset in places.items() if number == partition}


def _read(open_source: Callable[[], Source], stop: Stop, show: Show) -> Iterator[LogRecord]:
    source = open_source()
    try:
        for number, one in enumerate(source.records(), 1):
            yield one.record
            if not number % STEP_RECORDS:
                show(source.done(), number)
                if stop.asked:
                    return
    finally:
        source.close()


def _of_files(task: Task, bad: BadLines) -> Sides:
    from streams.recordings.files import Files

    files = Files(task.files, bad)
    files.close()
    return Sides(lambda: task.open(bad), lambda: task.open(bad), begun=files.since)


def _of_kafka(task: Task, wanted: Wanted, live_topics: Sequence[str]) -> Sides:
    from streams.clients import client_settings, consumer_settings
    from streams.recordings.kafka_ends import capture, committed_offsets
    from streams.recordings.kafka_range import KafkaRange
    from streams.topics import input_topics

    settings = task.settings
    client, consumer = client_settings(settings), consumer_settings(settings, f"{settings.app_id}-replay")
    inputs = input_topics(task.load().workflows.agents)
    # In this order: what live has committed it has decided, what it has decided it has read.
    committed = committed_offsets(client, settings.app_id, capture(client, inputs, Wanted()))
    live = capture(client, live_topics, Wanted(wanted.since))
    if not live:
        raise RecordingError(f"{', '.join(live_topics)}: expected topics that exist")
    spans = capture(client, inputs, wanted)
    limited = wanted.until is not None or any(one.end is not None for one in wanted.offsets)
    return Sides(
        lambda: KafkaRange(consumer, live),
        lambda: KafkaRange(consumer, spans),
        begins={(span.topic, span.partition): span.begin for span in spans},
        ends={(span.topic, span.partition): span.end for span in spans},
        committed={} if limited else committed,
        begun=wanted.since,
    )

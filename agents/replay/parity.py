"""Parity: every decision once more, on exactly what live had read when it decided.

Live takes whichever of two topics' records arrives first, so an optional agent's signal can miss an outcome that it came in time
for. The audit record names the cut: everything below ``read_to`` had been read. Between two cuts live made no outcome, so all
records up to a cut are taken together, then those deadlines pass that live had seen pass.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import msgspec

from agents.replay.differences import Difference, FieldDifference, compare, version_of
from agents.replay.digest import Digest, without_version
from agents.replay.rows import Rows
from agents.replay.runner import Rules
from agents.replay.spool import LiveDecision
from orchestration.intake import Intake
from orchestration.outcome import Outcome
from orchestration.plan import plan_of
from orchestration.processor import Effects, PartitionProcessor
from orchestration.record import LogRecord


@dataclass(slots=True)
class Compared:
    """What came of a comparison. ``outside``: decisions on records outside of the range, which cannot be made again."""

    equal: int = 0
    different: int = 0
    outside: int = 0
    repeated: int = 0
    versions: Counter[str] = field(default_factory=Counter)
    live: Digest = field(default_factory=Digest)
    replay: Digest = field(default_factory=Digest)
    after_last_cut: int = 0


class PartitionParity:
    """One partition. ``begins``: where its topics are read from, 0 where nothing is said. ``begun``: the range begins at this time (ms) and not with the log; None: with the log."""

    def __init__(
        self,
        rules: Rules,
        intake: Intake,
        rows: Rows,
        partition: int,
        cuts: Iterator[list[LiveDecision]],
        begins: Mapping[str, int],
        begun: int | None,
        compared: Compared,
        differ: Callable[[Difference], None],
    ) -> None:
        self._processor = PartitionProcessor(intake, rules.context, rows.partition(partition), sends=False)
        self._rows = rows
        self._cuts = cuts
        self._begun = begun
        self._compared = compared
        self._differ = differ
        self._version = msgspec.json.encode(rules.context.version)
        # What a signal from before the range may still have to do with: its correlation's time, then its marker's.
        longest = max(plan_of(workflow).timeout for workflow in rules.context.workflows)
        self._unsure = longest + round(rules.context.idempotency_ttl_sec * 1000)
        self._waiting: dict[str, deque[LogRecord]] = {}
        self._position = dict(begins)
        self._lagging: dict[str, int] = {}
        self._made: dict[str, deque[Outcome]] = {}
        self._next: list[LiveDecision] | None = None
        self._advance()

    def add(self, record: LogRecord) -> None:
        """The next record of its topic."""
        topic = record.topic
        waiting = self._waiting.get(topic)
        if waiting is None:
            waiting = self._waiting[topic] = deque()
        waiting.append(record)
        self._position[topic] = record.offset + 1
        wanted = self._lagging.get(topic)
        if wanted is not None and record.offset + 1 >= wanted:
            del self._lagging[topic]
            while self._next is not None and not self._lagging:
                self._take_cut(self._next)

    def finish(self, ends: Mapping[str, int], committed: Mapping[str, int]) -> None:
        """Everything has been read, up to ``ends`` (per topic; a topic that is missing: to its end).

        ``committed``: what live has read for certain; what completes below it and is not decided is a difference.
        """
        while self._next is not None:
            cut = self._next[0].read_to
            if any(offset > ends.get(topic, offset) for topic, offset in cut.items()):
                self._compared.outside += len(self._next)
                self._advance()
            else:
                # Behind the last record of a topic stand markers of transactions, or nothing any more.
                self._take_cut(self._next)
        if committed:
            self._take_up_to(committed, None)
        for outcomes in self._made.values():
            for outcome in outcomes:
                self._undecided(outcome)
        self._compared.after_last_cut += sum(map(len, self._waiting.values()))

    def abandon(self) -> None:
        """The rest was not read: nothing can be said about the cuts that follow."""
        while self._next is not None:
            self._compared.outside += len(self._next)
            self._advance()

    def _take_cut(self, decisions: list[LiveDecision]) -> None:
        deadlines = [one.orchestrated_at for one in decisions if one.by_deadline]
        # A sweep times out everything that is due, so whatever was due before the last of these has been decided too.
        self._take_up_to(decisions[0].read_to, max(deadlines) + 1 if deadlines else None)
        for one in decisions:
            made = self._made.get(one.corr_id)
            self._compare(one, made.popleft() if made else None)
            if not made:
                self._made.pop(one.corr_id, None)
        self._advance()

    def _take_up_to(self, cut: Mapping[str, int], time: int | None) -> None:
        records = []
        for topic, waiting in self._waiting.items():
            end = cut.get(topic, 0)
            while waiting and waiting[0].offset < end:
                records.append(waiting.popleft())
        effects = Effects()
        self._processor.take_together(records, effects)
        if time is not None:
            self._processor.time_passed(time, effects)
            self._rows.forget_windows(time)
        for outcome in effects.outcomes:
            self._made.setdefault(outcome.inputs.corr_id, deque()).append(outcome)
        self._rows.make_room()

    def _compare(self, live: LiveDecision, made: Outcome | None) -> None:
        compared = self._compared
        decided = live.value
        begun_before = self._begun is not None and live.first_seen <= self._begun
        if decided is None:
            self._different(live.corr_id, "an audit record whose decision is not on the topic")
        elif made is None:
            if begun_before:
                compared.outside += 1
            else:
                self._different(live.corr_id, "decided live, not by the replay")
        else:
            version = version_of(decided)
            if version is not None:
                compared.versions[version] += 1
            theirs = without_version(decided, msgspec.json.encode(version))
            mine = without_version(made.value, self._version)
            if theirs == mine:
                compared.equal += 1
                compared.live.add(theirs)
                compared.replay.add(mine)
            elif begun_before:
                compared.outside += 1
            else:
                compared.live.add(theirs)
                compared.replay.add(mine)
                self._different(live.corr_id, "decided otherwise", compare(decided, made.value))

    def _undecided(self, outcome: Outcome) -> None:
        inputs = outcome.inputs
        if self._begun is not None and inputs.first_seen <= self._begun + self._unsure:
            self._compared.outside += 1
            return
        self._compared.replay.add(without_version(outcome.value, self._version))
        self._different(inputs.corr_id, "decided by the replay, not live")

    def _different(self, corr_id: str, what: str, fields: tuple[FieldDifference, ...] = ()) -> None:
        self._compared.different += 1
        self._differ(Difference(corr_id, what, fields))

    def _advance(self) -> None:
        self._next = next(self._cuts, None)
        self._lagging = {}
        if self._next is not None:
            self._lagging = {
                topic: offset
                for topic, offset in self._next[0].read_to.items()
                if self._position.get(topic, 0) < offset
            }

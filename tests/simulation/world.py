"""Everything around the workers: one broker with its clock, one seed, what happened so far."""

from collections import deque
from collections.abc import Mapping
from random import Random
from typing import Literal, NamedTuple

from tests.simulation.bugs import Bug
from tests.simulation.group import Group
from tests.simulation.log import Log, Place
from tests.simulation.notes import notes
from tests.simulation.payloads import START
from tests.simulation.transactions import Transactions

CHANGELOG = "changelog"
TICK = "orchestrator.tick"

Guarantee = Literal["exactly_once", "at_least_once"]


class Event(NamedTuple):
    """One line of a trace. ``worker`` may be empty."""

    step: int
    now: int
    worker: str
    partition: int | None
    what: str

    def __str__(self) -> str:
        place = "" if self.partition is None else f"[{self.partition}]"
        return f"{self.step:6} +{self.now - START:6} ms  {self.worker + place:6} {self.what}"


class Beginning(NamedTuple):
    """Where the group began to read an input's partition, and the ends of input and changelog when that was committed.

    ``restored_to``: the changelog's end without that commit.
    """

    offset: int
    end: int
    changelog_end: int
    restored_to: int


class World:
    """``file``: the workflow file that workers get when they start. ``quiet``: no faults any more."""

    def __init__(
        self, seed: int, guarantee: Guarantee, partitions: int, bug: Bug | None, remember: int
    ) -> None:
        self.random = Random(f"{guarantee} {seed}")
        self.guarantee = guarantee
        self.partitions = partitions
        self.bug = bug
        self.notes = notes(bug)
        self.now = START
        self.file = 0
        self.quiet = False
        self.step = 0
        self.log = Log()
        self.group = Group(partitions)
        self.transactions = Transactions(self.log, self.group, self.random)
        self._remember = remember
        self.trace: deque[Event] = deque(maxlen=remember)
        self.violations: list[str] = []
        self.beginnings: dict[Place, Beginning] = {}

    def tell(self, worker: str, partition: int | None, what: str) -> None:
        if self._remember:
            self.trace.append(Event(self.step, self.now, worker, partition, what))

    def violated(self, sentence: str) -> None:
        self.violations.append(sentence)

    def answer_is_lost(self) -> bool:
        """Whether the answer to a commit gets lost on its way."""
        return not self.quiet and self.random.random() < 0.04

    def begun(self, offsets: Mapping[str, int], partition: int, changelog_records: int) -> None:
        """These offsets were committed just now, with so many records: of a topic's first ones the judge wants to know."""
        for topic, offset in offsets.items():
            if (topic, partition) not in self.beginnings:
                end = self.log[CHANGELOG, partition].end
                self.beginnings[topic, partition] = Beginning(
                    offset, self.log[topic, partition].end, end, end - changelog_records
                )

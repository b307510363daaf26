"""The consumer group: static members, generations, range assignment, committed offsets."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

from tests.simulation.log import Place


class Membership(NamedTuple):
    """As who offsets are committed. A restarted static member gets a new ``member_id`` in the same generation."""

    instance: str
    member_id: str
    generation: int


class Refused(Exception):
    """The broker refuses: another generation, another member, or a newer producer."""


class Group:
    """``pending``: offsets inside transactions that have not been settled; stable offsets wait for them."""

    def __init__(self, partitions: int) -> None:
        self.generation = 0
        self.members: dict[str, str] = {}
        self.pending: Counter[Place] = Counter()
        self._partitions = partitions
        self._preparing = False
        self._joined: set[str] = set()
        self._assignment: dict[str, frozenset[int]] = {}
        self._offsets: dict[Place, tuple[int, int]] = {}
        self._sequence = 0
        self._member_ids = 0

    # -- members --------------------------------------------------------------------------------------------------------

    def join(self, instance: str) -> str:
        """A process comes, or comes back. In a stable group a known instance gets its place again, in the same generation."""
        known = instance in self.members
        self._member_ids += 1
        self.members[instance] = f"{instance}-{self._member_ids}"
        if not known or self._preparing:
            self.rebalance()
            self._arrive(instance)
        return self.members[instance]

    def rebalance(self) -> None:
        """Everybody has to join again."""
        if not self._preparing:
            self._preparing = True
            self._joined = set()

    def rejoin(self, instance: str, member_id: str) -> bool:
        """False: no member any more."""
        if self.members.get(instance) != member_id:
            return False
        self._arrive(instance)
        return True

    def leave(self, instance: str) -> None:
        """It says goodbye, or its session is over."""
        if self.members.pop(instance, None) is not None:
            self._joined.discard(instance)
            self._assignment.pop(instance, None)
            self.rebalance()
            self._complete()

    def heartbeat(self, instance: str, member_id: str) -> Literal["stable", "rebalance", "unknown"]:
        if self.members.get(instance) != member_id:
            return "unknown"
        return "rebalance" if self._preparing else "stable"

    def assignment(self, instance: str) -> frozenset[int]:
        return self._assignment.get(instance, frozenset())

    def _arrive(self, instance: str) -> None:
        self._joined.add(instance)
        self._complete()

    def _complete(self) -> None:
        if not self._preparing or not self.members or self._joined < self.members.keys():
            return
        self._preparing = False
        self.generation += 1
        names = sorted(self.members)
        share, more = divmod(self._partitions, len(names))
        self._assignment, first = {}, 0
        for index, name in enumerate(names):
            count = share + (index < more)
            self._assignment[name] = frozenset(range(first, first + count))
            first += count

    # -- offsets --------------------------------------------------------------------------------------------------------

    def check(self, membership: Membership) -> None:
        """Raises Refused unless it is a member of the present generation."""
        if (
            self.members.get(membership.instance) != membership.member_id
            or membership.generation != self.generation
        ):
            raise Refused(f"generation {membership.generation} of {membership.member_id} is over")

    def commit(self, offsets: Mapping[str, int], partition: int) -> None:
        """Outside a transaction; whoever asks has been checked."""
        for topic, offset in offsets.items():
            self._offsets[topic, partition] = (self.next_sequence(), offset)

    def next_sequence(self) -> int:
        self._sequence += 1
        return self._sequence

    def settle(self, offsets: Mapping[Place, tuple[int, int]], committed: bool) -> None:
        """A transaction's offsets come into force, or go. What was committed after them stays."""
        for place, (sequence, offset) in offsets.items():
            self.pending[place] -= 1
            if committed and self._offsets.get(place, (-1, 0))[0] < sequence:
                self._offsets[place] = (sequence, offset)

    def offsets(self, topics: Iterable[str], partition: int) -> dict[str, int]:
        return {
            topic: self._offsets[topic, partition][1]
            for topic in topics
            if (topic, partition) in self._offsets
        }

    def unsettled(self, topics: Iterable[str], partition: int) -> bool:
        return any(self.pending[topic, partition] for topic in topics)

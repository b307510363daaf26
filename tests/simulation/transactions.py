"""The transaction coordinator: whoever initialised a transactional id last may write; all others are fenced.

A commit is decided at one moment, and its markers arrive later, partition by partition; the group's offsets last.
"""

from collections.abc import Mapping
from random import Random
from typing import NamedTuple

from orchestration.record import Headers
from tests.simulation.group import Group, Membership, Refused
from tests.simulation.log import Log, Place, Transaction


class Producer(NamedTuple):
    """A lease on a transactional id."""

    transactional_id: str
    epoch: int


class Transactions:
    """All transactional ids."""

    def __init__(self, log: Log, group: Group, random: Random) -> None:
        self._log = log
        self._group = group
        self._random = random
        self._epochs: dict[str, int] = {}
        self._current: dict[str, Transaction] = {}
        self._marking: list[Transaction] = []
        self._unsettled: list[Transaction] = []

    def init(self, transactional_id: str) -> Producer | None:
        """Fence. None: an earlier transaction is being ended; ask again."""
        running = self._current.get(transactional_id)
        epoch = self._epochs.get(transactional_id, 0)
        if running is not None:
            if running.state == "open":
                self._epochs[transactional_id] = epoch + 1
                self._end(running, committed=False)
            return None
        self._epochs[transactional_id] = epoch + 1
        return Producer(transactional_id, epoch + 1)

    def begin(self, producer: Producer) -> bool:
        """False: the markers of the one before are still being written; ask again."""
        self._check(producer)
        if producer.transactional_id in self._current:
            return False
        self._current[producer.transactional_id] = Transaction(producer.transactional_id)
        return True

    def produce(
        self,
        producer: Producer,
        place: Place,
        timestamp: int,
        key: bytes | None,
        value: bytes | None,
        headers: Headers = (),
    ) -> int:
        self._check(producer)
        return self._log[place].append(
            timestamp, key, value, headers, self._current[producer.transactional_id]
        )

    def add_offsets(
        self, producer: Producer, offsets: Mapping[str, int], partition: int, membership: Membership | None
    ) -> None:
        """``membership`` None: whoever it is, as with generation -1."""
        self._check(producer)
        if membership is not None:
            self._group.check(membership)
        transaction = self._current[producer.transactional_id]
        for topic, offset in offsets.items():
            transaction.offsets[topic, partition] = (self._group.next_sequence(), offset)
            self._group.pending[topic, partition] += 1

    def commit(self, producer: Producer) -> None:
        self._check(producer)
        self._end(self._current[producer.transactional_id], committed=True)

    def abort(self, producer: Producer) -> None:
        self._check(producer)
        self._end(self._current[producer.transactional_id], committed=False)

    def owns(self, producer: Producer) -> bool:
        return self._epochs.get(producer.transactional_id) == producer.epoch

    def work(self) -> bool:
        """One marker is written, or one transaction's offsets come into force; False: nothing is left to do."""
        random = self._random.random
        if self._marking and (not self._unsettled or random() < 0.9):
            transaction = self._marking[int(random() * len(self._marking))]
            if transaction.places:
                places = sorted(transaction.places)
                self._log[places[int(random() * len(places))]].mark(transaction)
            else:
                self._marking.remove(transaction)
                del self._current[transaction.transactional_id]
                self._unsettled.append(transaction)
        elif self._unsettled:
            # In the order of their ends, as the partition of the offsets' topic has them.
            transaction = self._unsettled.pop(0)
            self._group.settle(transaction.offsets, transaction.state == "committed")
        else:
            return False
        return True

    def _end(self, transaction: Transaction, *, committed: bool) -> None:
        transaction.state = "committed" if committed else "aborted"
        self._marking.append(transaction)

    def _check(self, producer: Producer) -> None:
        if not self.owns(producer):
            raise Refused(f"producer epoch {producer.epoch} of {producer.transactional_id} is fenced")

"""One seed: first faults and arrivals, and nothing may go wrong; then quiet, and everything has to come to its end."""

from collections import Counter
from dataclasses import dataclass

from tests.simulation.arrivals import Arrival, arrivals
from tests.simulation.bugs import Bug
from tests.simulation.faults import Faults
from tests.simulation.invariants import violations
from tests.simulation.transactions import Producer
from tests.simulation.worker import Worker
from tests.simulation.world import CHANGELOG, Event, Guarantee, World

TWO_OWNERS_EACH = 5
"""Every fifth seed is about two owners of one partition and nothing else."""

EFFECTS_IN_COMMITS = (
    "outcomes taken",
    "stretch taken",
    "transaction begun",
    "changelog written",
    "offsets added",
    "committed",
    "disk written",
)
EFFECTS_IN_BRING_UPS = (
    "fenced",
    "offsets read",
    "restored in part",
    "restored",
    "owner's note on disk",
    "up",
)
EFFECTS: dict[Guarantee, tuple[str, ...]] = {
    "exactly_once": (
        "folded",
        "deadline folded",
        *EFFECTS_IN_COMMITS,
        "output sent in the transaction",
        *EFFECTS_IN_BRING_UPS,
        "revoked",
        "joined again",
        "assigned",
    ),
    "at_least_once": (
        "folded",
        "deadline folded",
        *EFFECTS_IN_COMMITS,
        "journal written",
        "ownership checked",
        "output sent",
        *EFFECTS_IN_BRING_UPS,
        "repeat folded in part",
        "repeated output sent",
        "repeat on disk",
        "revoked",
        "joined again",
        "assigned",
    ),
}
"""Every effect after which a worker may die, freeze, lose its partitions or be told to stop."""

_ROUNDS = 30
_ROUND_MS = 2_500


@dataclass(frozen=True)
class Result:
    """What came of a seed. ``landed``: (fault, effect) -> how often. ``outcomes``: sent ones, repeats included.

    ``left_out``: corr_ids that were not judged.
    """

    seed: int
    guarantee: Guarantee
    violations: list[str]
    trace: list[Event]
    landed: Counter[tuple[str, str]]
    records: int
    outcomes: int
    left_out: int
    steps: int


def simulate(seed: int, guarantee: Guarantee, *, bug: Bug | None = None, remember: int = 0) -> Result:
    """The same seed gives the same run. ``remember``: how many events of the trace are kept; a run costs less with none."""
    simulation = Simulation(seed, guarantee, bug, remember)
    simulation.safety()
    simulation.liveness()
    return simulation.result()


class Simulation:
    """The scheduler: one thing happens at a time, and chance says which."""

    def __init__(self, seed: int, guarantee: Guarantee, bug: Bug | None, remember: int) -> None:
        self._seed = seed
        # Of its own, so that the number of partitions is the same for both guarantees.
        two_owners = seed % TWO_OWNERS_EACH == 0
        partitions = 1 if two_owners else 1 + seed % 3
        self.world = World(seed, guarantee, partitions, bug, remember)
        random = self.world.random
        self._arrivals = arrivals(random, partitions)[::-1]
        self._records = len(self._arrivals)
        count = 2 if two_owners else random.choice((1, 2, 2, 3))
        self._workers = [Worker(self.world, f"w{number}") for number in range(count)]
        turn = seed + seed // TWO_OWNERS_EACH
        self._faults = Faults(self.world, self._workers, EFFECTS[guarantee], turn=turn, two_owners=two_owners)
        self._gateway: Producer | None = None
        self._gateways = 0

    def safety(self) -> None:
        world, random = self.world, self.world.random.random
        for worker in self._workers:
            worker.start()
        if random() < 0.7:
            for _ in range(4):
                for worker in self._workers:
                    worker.settle()
        # Every arrival has its share of steps, so that what is read follows what is written.
        while self._arrivals or world.step < self._records * 16:
            world.step += 1
            luck = random()
            if luck < 0.08:
                if self._arrivals:
                    self._arrive(self._arrivals.pop())
            elif luck < 0.13:
                self._pass_time()
            elif luck < 0.25:
                world.transactions.work()
            elif luck < 0.33:
                self._faults.between()
            else:
                able = [worker for worker in self._workers if worker.alive and not worker.paused]
                if able:
                    self._work(able[int(random() * len(able))])

    def liveness(self) -> None:
        world = self.world
        self._end_transaction()
        self._faults.end()
        for _ in range(4):
            for worker in self._workers:
                worker.settle()
        # Other workflows on a system at rest: they must find nothing to decide again.
        deploys = world.file == 0 and world.random.random() < 0.3
        for _ in range(_ROUNDS):
            for worker in self._workers:
                worker.settle()
            if self._nothing_left():
                if not deploys:
                    return
                deploys = False
                self._faults.deploy()
                self._faults.end()
            world.now += _ROUND_MS

    def result(self) -> Result:
        world = self.world
        judged, left_out = violations(world)
        found = [*world.violations, *judged]
        return Result(
            self._seed,
            world.guarantee,
            list(dict.fromkeys(found)),
            list(world.trace),
            self._faults.landed,
            self._records,
            len(world.log["orchestrated.decision", 0].history()),
            left_out,
            world.step,
        )

    # -- one step -----------------------------------------------------------------------------------------------------

    def _work(self, worker: Worker) -> None:
        done = worker.step()
        if done is not None:
            _, effect = done
            if worker.alive:
                self._faults.after(worker, effect)

    def _arrive(self, arrival: Arrival) -> None:
        """Some come in a gateway's transaction, which leaves a marker, and may be aborted."""
        world = self.world
        random = world.random.random
        place = arrival.topic, arrival.partition
        if self._gateway is None and random() < 0.15:
            self._gateways += 1
            producer = world.transactions.init(f"gateway-{self._gateways}")
            if producer is not None and world.transactions.begin(producer):
                self._gateway = producer
        if self._gateway is not None:
            world.transactions.produce(self._gateway, place, world.now, arrival.key, arrival.value)
            if random() < 0.25:
                self._end_transaction()
        else:
            world.log[place].append(world.now, arrival.key, arrival.value)
        world.tell("", arrival.partition, f"arrives: {arrival.topic} {arrival.key.decode()}")

    def _end_transaction(self) -> None:
        if self._gateway is not None:
            end = self.world.transactions.commit
            if self.world.random.random() < 0.3:
                end = self.world.transactions.abort
            end(self._gateway)
            self._gateway = None

    def _pass_time(self) -> None:
        """Mostly little, so that many records bear one timestamp; at times past a deadline, or past a marker."""
        random = self.world.random
        self.world.now += random.choice(
            (1, 1, 50, 50, 300, 300, 1100, 2600 if random.random() < 0.5 else 5200)
        )

    def _nothing_left(self) -> bool:
        """Every input is read and committed, and neither an open row nor a marker is left."""
        world = self.world
        owned = sum(len(worker.lanes) for worker in self._workers)
        if owned < world.partitions or any(not worker.settled for worker in self._workers):
            return False
        return all(
            record is None
            for partition in range(world.partitions)
            for record in last_values(world, partition).values()
        )


def last_values(world: World, partition: int) -> dict[bytes, bytes | None]:
    return {
        record.key or b"": record.value
        for record in world.log[CHANGELOG, partition].history()
        if not (record.key or b"").startswith(b"\x00")
    }

"""What goes wrong, and where: after any effect of any worker, and between them."""

from collections import Counter
from collections.abc import Sequence

from tests.simulation.checks import check_disk
from tests.simulation.worker import Worker
from tests.simulation.world import Guarantee, World

FAULTS = ("crash", "disk lost", "pause", "rebalance", "stop")

_FREEZES = (
    "stretch taken",
    "outcomes taken",
    "journal written",
    "ownership checked",
    "transaction begun",
    "offsets added",
)
_THAWS = ("journal written", "output sent", "output sent", "committed", "output sent in the transaction")
"""A zombie does harm when it stops here, and goes on after another worker has come so far with the same partition."""

_IN_HAND: dict[Guarantee, tuple[str, ...]] = {
    "exactly_once": ("outcomes taken", "offsets added"),
    "at_least_once": ("outcomes taken", "outcomes taken", "outcomes taken", "ownership checked"),
}
"""There a worker stops of which another one is to be the second owner."""

_AIMED = 3
"""So often the aim is hit in one seed: with more, nothing would ever go on."""

_REPEATS = frozenset({"repeat folded in part", "repeated output sent", "repeat on disk"})
_RARE = _REPEATS | {"restored in part", "disk written"}
_BEFORE_A_REPEAT = frozenset({"journal written", "ownership checked", "output sent"})
"""A stretch is repeated only after its first owner was lost here."""


class Faults:
    """``landed``: (fault, effect after which it came) -> how often.

    ``turn``: which effect's turn it is to be aimed at, in most seeds, so that the rare ones are hit as well.
    ``two_owners``: one stops with outcomes in hand, and goes on when the next one has sent some.
    """

    def __init__(
        self,
        world: World,
        workers: Sequence[Worker],
        effects: Sequence[str],
        *,
        turn: int,
        two_owners: bool,
    ) -> None:
        self.landed: Counter[tuple[str, str]] = Counter()
        self._world = world
        self._workers = workers
        random = world.random
        likely = (*effects, *sorted(_RARE.intersection(effects)) * 3)
        aim = likely[turn % len(likely)] if random.random() < 0.8 else ""
        self._aims: set[str] = {aim} | (_BEFORE_A_REPEAT if aim in _REPEATS else set())
        self._rate = random.choice((0.01, 0.04, 0.08))
        self._zombies = random.random() < 0.3
        if self._zombies:
            self._aims, self._rate = {random.choice(_FREEZES)}, 0.005
        if two_owners:
            self._zombies, self._aims, self._rate = True, {random.choice(_IN_HAND[world.guarantee])}, 0.0
        self._two_owners = two_owners
        self._aimed = _AIMED
        self._sleepers: dict[Worker, str] = {}

    def after(self, worker: Worker, effect: str) -> None:
        """Perhaps one, now that ``worker`` has done this."""
        random = self._world.random
        if self._sleepers and self._wakes(worker, effect):
            return
        aimed = self._aimed and effect in self._aims
        if random.random() >= ((0.8 if self._two_owners else 0.5) if aimed else self._rate):
            return
        if aimed:
            self._aimed -= 1
            if effect in _BEFORE_A_REPEAT and not self._zombies:
                self._aims -= _BEFORE_A_REPEAT
        luck = 0.5 if self._zombies and aimed else random.random()
        fault = FAULTS[
            0 if luck < 0.35 else 1 if luck < 0.45 else 2 if luck < 0.8 else 3 if luck < 0.95 else 4
        ]
        self.landed[fault, effect] += 1
        self._world.tell(worker.name, None, f"FAULT {fault} after: {effect}")
        match fault:
            case "crash" | "disk lost":
                self._crash(worker, lose_disk=fault == "disk lost")
            case "pause":
                self._freeze(worker)
            case "rebalance":
                self._world.group.rebalance()
            case _:
                worker.stopping = True

    def between(self) -> None:
        """Something that no effect has to do with: sessions end, workers come back, clocks jump, files change."""
        world, random = self._world, self._world.random
        worker = self._workers[random.randrange(len(self._workers))]
        luck = random.random()
        if not worker.alive:
            if luck < 0.5:
                worker.start()
                world.tell(worker.name, None, "started")
            elif luck < 0.8:
                self._session_ends(worker)
        elif worker.paused:
            if luck < (0.03 if worker in self._sleepers else 0.25):
                self._sleepers.pop(worker, None)
                self._goes_on(worker)
            elif luck < 0.7:
                self._session_ends(worker)
        elif luck < 0.3:
            for partition in range(world.partitions):
                world.log["changelog", partition].compact()
        elif self._two_owners:
            return
        elif luck < 0.32:
            worker.clock += random.choice((-3_600_000, 3_600_000))
        elif luck < 0.34:
            self._session_ends(worker)
        elif luck < 0.35 and world.file == 0:
            self.deploy()

    def deploy(self) -> None:
        """Other workflows, for all at once."""
        self._world.file = 1
        self._world.tell("", None, "other workflows")
        for worker in self._workers:
            if worker.alive:
                self._crash(worker, lose_disk=False)

    def end(self) -> None:
        """No faults any more: every worker runs, with the newest workflows."""
        world = self._world
        world.quiet = True
        for worker in self._workers:
            worker.paused = worker.stopping = False
            if not worker.alive:
                worker.start()

    def _freeze(self, worker: Worker) -> None:
        """Mostly past its session, and until another worker has come just as far: that is when a zombie does harm."""
        random = self._world.random
        worker.paused = True
        if self._zombies or random.random() < 0.7:
            self._session_ends(worker)
            if self._zombies or random.random() < 0.7:
                self._sleepers[worker] = "output sent" if self._two_owners else random.choice(_THAWS)

    def _wakes(self, worker: Worker, effect: str) -> bool:
        """A sleeper goes on when another worker has done what it waits for; True where that other one then dies."""
        random = self._world.random
        for sleeper, awaited in list(self._sleepers.items()):
            if awaited == effect and sleeper is not worker and random.random() < 0.5:
                del self._sleepers[sleeper]
                self._goes_on(sleeper)
                if random.random() < (0.8 if self._zombies else 0.4):
                    self.landed["crash", effect] += 1
                    self._world.tell(worker.name, None, f"FAULT crash after: {effect}")
                    self._crash(worker, lose_disk=False)
                    return True
        return False

    def _goes_on(self, worker: Worker) -> None:
        if worker.paused:
            worker.paused = False
            self._world.tell(worker.name, None, "goes on")

    def _session_ends(self, worker: Worker) -> None:
        if worker.name in self._world.group.members:
            self._world.group.leave(worker.name)
            self._world.tell(worker.name, None, "session over")

    def _crash(self, worker: Worker, *, lose_disk: bool) -> None:
        worker.crash(lose_disk=lose_disk)
        for partition in range(self._world.partitions):
            check_disk(self._world, partition, worker.disk(partition), "after a crash")

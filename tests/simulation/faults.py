"""What goes wrong, and where: after any effect of any worker, and between them."""

from collections import Counter
from collections.abc import Sequence

from tests.simulation.checks import check_disk
from tests.simulation.worker import Worker
from tests.simulation.world import World

FAULTS = ("crash", "disk lost", "pause", "rebalance", "stop")

_REPEATS = frozenset({"repeat folded in part", "repeated output sent", "repeat on disk"})
_BEFORE_REPEATS = frozenset({"journal written", "ownership checked", "output sent"})
"""A stretch is repeated only after a first owner was lost here."""


class Faults:
    """``landed``: (fault, effect after which it came) -> how often.

    In most seeds one kind of effect is aimed at, so that the rare ones are hit as well.
    """

    def __init__(self, world: World, workers: Sequence[Worker], effects: Sequence[str]) -> None:
        self.landed: Counter[tuple[str, str]] = Counter()
        self._world = world
        self._workers = workers
        random = world.random
        aim = random.choice(effects) if random.random() < 0.8 else ""
        self._aims = {aim} | (_BEFORE_REPEATS if aim in _REPEATS else set())
        self._rate = random.choice((0.01, 0.04, 0.08))

    def after(self, worker: Worker, effect: str) -> None:
        """Perhaps one, now that ``worker`` has done this."""
        random = self._world.random
        if random.random() >= (0.5 if effect in self._aims else self._rate):
            return
        luck = random.random()
        fault = FAULTS[0 if luck < 0.35 else 1 if luck < 0.45 else 2 if luck < 0.8 else 3 if luck < 0.95 else 4]
        self.landed[fault, effect] += 1
        self._world.tell(worker.name, None, f"FAULT {fault} after: {effect}")
        match fault:
            case "crash" | "disk lost":
                self._crash(worker, lose_disk=fault == "disk lost")
            case "pause":
                worker.paused = True
                if random.random() < 0.4:
                    self._session_ends(worker)
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
            if luck < 0.25:
                worker.paused = False
                world.tell(worker.name, None, "goes on")
            elif luck < 0.7:
                self._session_ends(worker)
        elif luck < 0.02:
            worker.clock += random.choice((-3_600_000, 3_600_000))
        elif luck < 0.04:
            self._session_ends(worker)
        elif luck < 0.055 and world.file == 0:
            self._deploy()
        elif luck < 0.15:
            for partition in range(world.partitions):
                world.log["changelog", partition].compact()

    def end(self) -> None:
        """No faults any more: every worker runs, with the newest workflows."""
        world = self._world
        world.quiet = True
        for worker in self._workers:
            worker.paused = worker.stopping = False
            if not worker.alive:
                worker.start()

    def _session_ends(self, worker: Worker) -> None:
        if worker.name in self._world.group.members:
            self._world.group.leave(worker.name)
            self._world.tell(worker.name, None, "session over")

    def _crash(self, worker: Worker, *, lose_disk: bool) -> None:
        worker.crash(lose_disk=lose_disk)
        for partition in range(self._world.partitions):
            check_disk(self._world, partition, worker.disk(partition), "after a crash")

    def _deploy(self) -> None:
        """Other workflows, for all at once."""
        self._world.file = 1
        self._world.tell("", None, "other workflows")
        for worker in self._workers:
            if worker.alive:
                self._crash(worker, lose_disk=False)

"""One worker, as ``streams.lane.lane`` drives its partitions: membership, bring-ups, lanes."""

from collections.abc import Generator

from tests.simulation.bring_up import BringUp
from tests.simulation.commit import UnknownOutcome
from tests.simulation.disk import Disk
from tests.simulation.files import WorkflowFile, workflow_file
from tests.simulation.group import Membership, Refused
from tests.simulation.lane import Lane
from tests.simulation.world import World

Raising = Generator[str | None, None, Lane | None]

NOT_BROUGHT_UP = "not brought up"


class Worker:
    """A process that comes and goes under one name. What it has in memory is gone after ``crash``; its disks may stay."""

    def __init__(self, world: World, name: str) -> None:
        self.name = name
        self.alive = False
        self.paused = False
        self.stopping = False
        self.lanes: dict[int, Lane] = {}
        self.clock = 0
        self._world = world
        self._disks = [Disk() for _ in range(world.partitions)]
        self._forget()

    def start(self) -> None:
        self._forget()
        self.alive = True
        self.file: WorkflowFile = workflow_file(self._world.file, self._world.partitions)
        self._membership_task = self._as_member()

    def crash(self, *, lose_disk: bool = False) -> None:
        self._forget()
        self.alive = False
        if lose_disk:
            for disk in self._disks:
                disk.lose()

    @property
    def settled(self) -> bool:
        """All its partitions are up, and nothing is left to do."""
        return self._assigned == self.lanes.keys() and all(lane.settled for lane in self.lanes.values())

    def disk(self, partition: int) -> Disk:
        return self._disks[partition]

    def _forget(self) -> None:
        self.paused = self.stopping = False
        self.lanes = {}
        self._member_id = ""
        self._membership: Membership | None = None
        self._assigned: frozenset[int] = frozenset()
        self._bringing_up: dict[int, Raising] = {}
        self._ending: list[tuple[int, Raising | Lane]] = []

    # -- what runs ----------------------------------------------------------------------------------------------------

    def step(self) -> tuple[int | None, str] | None:
        """Do one thing; returns the partition and the effect, if there was one."""
        random = self._world.random.random
        luck = random()
        if luck < 0.15:
            return self._told(None, next(self._membership_task))
        lanes = list(self.lanes.values())
        if lanes and luck < 0.8:
            return self._step_lane(lanes[int(random() * len(lanes))])
        if self._bringing_up and luck < 0.95:
            return self._step_bring_up(list(self._bringing_up)[int(random() * len(self._bringing_up))])
        if self._ending:
            return self._step_ending(int(random() * len(self._ending)))
        return None

    def settle(self) -> None:
        """As far as it gets without the broker's clock going on, and without the others."""
        self._told(None, next(self._membership_task))
        tried: set[int] = set()
        for _ in range(8):
            for partition in self._bringing_up.keys() - tried:
                # One try: the next one, as the same member of the same generation, would end like it.
                while partition in self._bringing_up and (done := self._step_bring_up(partition)):
                    if done[1] == NOT_BROUGHT_UP:
                        tried.add(partition)
                        break
            while self._ending and self._step_ending(0):
                pass
            while self._world.transactions.work():
                pass
            if self._bringing_up.keys() <= tried and not self._ending:
                break
        for lane in list(self.lanes.values()):
            self._settle_lane(lane)

    def _settle_lane(self, lane: Lane) -> None:
        lane.tick()
        lane.read_ticks()
        lane.ask_ends()
        lane.ask_ends()
        lane.fetch_all()
        while self._told(lane.partition, lane.fold(500, impatient=False)):
            pass
        # A commit waits for the markers of the one before.
        for _ in range(3):
            while self.lanes.get(lane.partition) is lane and self._commit(lane):
                pass
            while self._world.transactions.work():
                pass

    def _told(self, partition: int | None, what: str | None) -> tuple[int | None, str] | None:
        if what is None:
            return None
        self._world.tell(self.name, partition, what)
        return partition, what

    # -- one partition ------------------------------------------------------------------------------------------------

    def _step_lane(self, lane: Lane) -> tuple[int | None, str] | None:
        random = self._world.random.random
        luck = random()
        if luck < (0.4 if lane.committing else 0.12):
            return self._commit(lane)
        if lane.asking and luck > 0.75:
            lane.ask_ends()
        elif luck < 0.9:
            if random() < 0.4:
                lane.fetch_all()
            else:
                lane.fetch_any()
            if random() < 0.7:
                limit = (1, 2, 5, 500)[int(random() * 4)]
                return self._told(lane.partition, lane.fold(limit, impatient=random() < 0.05))
        else:
            lane.tick()
            lane.read_ticks()
        return None

    def _commit(self, lane: Lane) -> tuple[int | None, str] | None:
        try:
            return self._told(lane.partition, lane.advance())
        except (Refused, UnknownOutcome) as error:
            del self.lanes[lane.partition]
            if lane.partition in self._assigned:
                self._bringing_up[lane.partition] = self._bring_up(lane.partition)
            return self._told(lane.partition, f"lost: {error}")

    def _step_bring_up(self, partition: int) -> tuple[int | None, str] | None:
        task = self._bringing_up[partition]
        try:
            return self._told(partition, next(task))
        except StopIteration as done:
            del self._bringing_up[partition]
            if done.value is not None:
                self.lanes[partition] = done.value
            return self._told(partition, "up")

    def _step_ending(self, index: int) -> tuple[int | None, str] | None:
        """What was given up runs on in its thread for a while, or stops where it is."""
        partition, task = self._ending[index]
        done = self._world.random.random() < 0.2
        what: str | None = "given up"
        if not done:
            try:
                what = task.advance() if isinstance(task, Lane) else next(task)
                done = isinstance(task, Lane) and not task.committing
            except (Refused, UnknownOutcome, StopIteration):
                done = True
        if done:
            del self._ending[index]
        return self._told(partition, what)

    def _bring_up(self, partition: int) -> Raising:
        while partition in self._assigned:
            # What ran before holds the disk's lock until it has ended.
            while any(number == partition for number, _ in self._ending):
                yield None
            membership = self._membership
            assert membership is not None
            attempt = BringUp(
                self._world,
                self.name,
                partition,
                membership,
                self._disks[partition],
                self.file,
                self.clock,
            )
            try:
                lane = yield from attempt()
            except (Refused, UnknownOutcome):
                yield NOT_BROUGHT_UP
                continue
            if membership is self._membership:
                return lane
        return None

    # -- membership ---------------------------------------------------------------------------------------------------

    def _as_member(self) -> Generator[str | None, None, None]:
        group = self._world.group
        self._member_id = group.join(self.name)
        yield "joined"
        while True:
            while (state := group.heartbeat(self.name, self._member_id)) == "rebalance":
                # Another one may have come since: the join counts for one rebalance only.
                group.rejoin(self.name, self._member_id)
                yield None
            if state == "stable":
                self._take_assignment()
                yield "assigned"
                while not self.stopping and group.heartbeat(self.name, self._member_id) == "stable":
                    yield None
            self._give_back()
            yield "revoked"
            # A rebalance waits for running commits, but not for ever.
            while not self._finished() and self._world.random.random() > 0.01:
                yield None
            if self.stopping:
                group.leave(self.name)
                self.crash()
                yield "left"
                return
            if not group.rejoin(self.name, self._member_id):
                self._member_id = group.join(self.name)
            yield "joined again"

    def _give_back(self) -> None:
        self._ending.extend(self._bringing_up.items())
        self._bringing_up = {}
        for lane in self.lanes.values():
            lane.suspended = True

    def _finished(self) -> bool:
        return not self._ending and all(lane.finished for lane in self.lanes.values())

    def _take_assignment(self) -> None:
        group = self._world.group
        before = self._membership
        self._membership = Membership(self.name, self._member_id, group.generation)
        self._assigned = group.assignment(self.name)
        # Others may have owned our partitions in a generation that we did not take part in.
        gap = before is None or group.generation != before.generation + 1
        for partition, lane in list(self.lanes.items()):
            if gap or partition not in self._assigned:
                del self.lanes[partition]
                if lane.committing:
                    self._ending.append((partition, lane))
            else:
                lane.membership = self._membership
                lane.suspended = False
        for partition in sorted(self._assigned - self.lanes.keys() - self._bringing_up.keys()):
            self._bringing_up[partition] = self._bring_up(partition)

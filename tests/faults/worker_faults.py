"""What happens to workers: killed anywhere, killed at a point, stopped in turn, frozen past their session."""

import json
import time

from typing_extensions import override

from tests.faults.cluster_worker import KILLED, ClusterWorker
from tests.faults.fault import OPEN_CORRELATIONS, Fault, Missed, Scene
from tests.faults.kill_points import AFTER_FOLD, IN_RECOVERY, WHILE_FIRING_A_DEADLINE
from tests.faults.states import delete_states

_LOOKS = 200
_PASSES = {IN_RECOVERY: (1, 2), WHILE_FIRING_A_DEADLINE: (1, 5), AFTER_FOLD: (1, 100)}
# A bring-up commits as well; what is meant is a commit of signals.
_USUAL_PASSES = (5, 30)
_POINT_SECONDS = 90.0


class KillAtRandom(Fault):
    """kill -9 with a batch uncommitted: the worker is frozen for the look, so what is seen is what is killed.

    Another batch lies uncommitted in the inputs at that moment, and is aborted afterwards.
    """

    name = "kill -9 at random"

    @override
    def strike(self, scene: Scene) -> str:
        worker = scene.some_worker()
        time.sleep(scene.random.random() * 0.2)
        for look in range(_LOOKS):
            worker.pause()
            unfinished, opened = uncommitted(scene, worker), scene.open()
            if unfinished and opened >= OPEN_CORRELATIONS:
                with scene.uncommitted_batch():
                    worker.kill()
                return f"{worker.name}, look {look + 1}: {unfinished} uncommitted, {opened} open"
            worker.resume()
            time.sleep(0.005 + scene.random.random() * 0.02)
        raise Missed(f"{worker.name}: nothing uncommitted in {_LOOKS} looks")


class KillAtPoint(Fault):
    """kill -9 by the worker itself, at the n-th pass of a named point."""

    def __init__(self, point: str) -> None:
        self.name = f"kill -9 {point.replace('_', ' ')}"
        self._point = point

    @override
    def strike(self, scene: Scene) -> str:
        worker = scene.some_worker()
        landed = scene.cluster.folder / "landed.json"
        landed.unlink(missing_ok=True)
        worker.stop()
        if self._point == IN_RECOVERY:
            # Else there is little to recover.
            delete_states(worker)
        passes = scene.random.randint(*_PASSES.get(self._point, _USUAL_PASSES))
        worker.launch(FAULT_POINT=self._point, FAULT_PASS=str(passes), FAULT_LANDED=str(landed))
        status = worker.wait_for_exit(_POINT_SECONDS)
        if status != KILLED or not landed.exists():
            raise Missed(
                f"{worker.name} ended with status {status} before pass {passes}\n{worker.log[-2000:]}"
            )
        told = json.loads(landed.read_text())
        opened = scene.open()
        if opened < OPEN_CORRELATIONS or told["unfinished"] < 1:
            raise Missed(f"{worker.name}: {opened} open, {told['unfinished']} unfinished")
        return f"{worker.name}, pass {passes}: {told['unfinished']} unfinished, {opened} open"


class RollingStop(Fault):
    """SIGTERM to one worker after the other, each started again before the next."""

    name = "SIGTERM rolling over all workers"

    @override
    def strike(self, scene: Scene) -> str:
        for worker in scene.cluster.workers:
            status = worker.stop()
            if status != 0:
                raise Missed(f"{worker.name} ended with status {status}\n{worker.log[-2000:]}")
            scene.cluster.start()
        return f"{len(scene.cluster.workers)} stopped with status 0"


class Zombie(Fault):
    """SIGSTOP until others own its partitions, then SIGCONT: it goes on with what it held."""

    name = "SIGSTOP beyond the session, SIGCONT"

    @override
    def strike(self, scene: Scene) -> str:
        worker = scene.some_worker()
        held = worker.assigned
        for look in range(_LOOKS):
            worker.pause()
            unfinished = uncommitted(scene, worker)
            if unfinished:
                break
            worker.resume()
            time.sleep(0.01 + look / 10_000)
        else:
            raise Missed(f"{worker.name}: nothing uncommitted in {_LOOKS} looks")
        try:
            scene.must(
                lambda: all(
                    any(number in other.assigned for other in scene.cluster.others(worker)) for number in held
                ),
                f"the partitions {sorted(held)} of {worker.name} are taken over",
            )
            generation = max(other.generation for other in scene.cluster.others(worker))
        finally:
            worker.resume()
        scene.must(lambda: worker.generation > generation or not worker.alive, f"{worker.name} is back")
        return f"{worker.name} slept with {unfinished} uncommitted until generation {generation}"


def uncommitted(scene: Scene, worker: ClusterWorker) -> int:
    """How much of this frozen worker's work would be lost with it: what it has written in transactions that are open.

    At-least-once has outputs without a transaction around them; there, records of its partitions before the end.
    """
    owned = worker.assigned
    if scene.cluster.guarantee == "exactly_once":
        open_ = scene.cluster.in_open_transactions()
        return sum(count for partition, count in open_.items() if partition in owned)
    ends, committed = scene.cluster.input_ends(), scene.cluster.committed()
    return sum(max(0, end - committed.get(place, 0)) for place, end in ends.items() if place[1] in owned)

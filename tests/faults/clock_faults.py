"""What happens to a worker's wall clock while it runs."""

import time
from pathlib import Path

from typing_extensions import override

from tests.faults.fault import Fault, Scene

JUMP_SECONDS = 3600.0
_WRONG_SECONDS = 3.0


class ClockJump(Fault):
    """The clock of a running worker jumps, and later back. Nothing may come of it: time is the broker's."""

    def __init__(self, seconds: float) -> None:
        self.name = f"clock {'+' if seconds > 0 else '−'}{abs(seconds) / 3600:g} h"
        self._seconds = seconds

    @override
    def strike(self, scene: Scene) -> str:
        worker = scene.some_worker()
        clock = scene.cluster.folder / f"{worker.name}.clock"
        _set(clock, 0.0)
        worker.stop()
        worker.launch(FAULT_CLOCK=str(clock))
        scene.cluster.start()
        before = _asked(clock)
        _set(clock, self._seconds)
        time.sleep(_WRONG_SECONDS)
        scene.must(lambda: _asked(clock) > before, "the worker asks its wrong clock")
        ends = scene.cluster.input_ends()
        scene.must(lambda: scene.cluster.has_read_to(ends), "what was sent meanwhile is committed")
        asked = _asked(clock) - before
        _set(clock, 0.0)
        return f"{worker.name} asked its clock {asked} times meanwhile"


def _set(clock: Path, seconds: float) -> None:
    unfinished = clock.with_name(f"{clock.name}.unfinished")
    unfinished.write_text(str(seconds))
    # Renamed into place: the worker never reads half of it.
    unfinished.rename(clock)


def _asked(clock: Path) -> int:
    path = clock.with_name(f"{clock.name}.asked")
    return int(path.read_text() or 0) if path.exists() else 0

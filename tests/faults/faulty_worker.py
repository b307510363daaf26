"""The ordinary worker, in a process that may have been told to die at a point or to be wrong about the time.

FAULT_POINT, FAULT_PASS, FAULT_LANDED   die at this pass of this point (``kill_points.py``), and say so in this file
FAULT_CLOCK                             a file: how many seconds the wall clock is off, read anew every 20 ms
"""

import os
import threading
import time
from pathlib import Path

from tests.faults.kill_points import Countdown, arm

_LOOK_SECONDS = 0.02


class Clock:
    """The wall clock, off by what the file says; beside it ``<file>.asked`` counts how often it was asked while off.

    Only Python's clock: see tests/real/shifted_clock. Timers, which run on the monotonic clock, stay as they are.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._asked = 0
        self._seconds = 0.0
        self._time, self._time_ns = time.time, time.time_ns
        time.time, time.time_ns = self.time, self.time_ns
        threading.Thread(target=self._look_for_ever, name="clock", daemon=True).start()

    def time(self) -> float:
        self._asked += self._seconds != 0
        return self._time() + self._seconds

    def time_ns(self) -> int:
        self._asked += self._seconds != 0
        return self._time_ns() + round(self._seconds * 1_000_000_000)

    def _look_for_ever(self) -> None:
        asked = self._path.with_name(f"{self._path.name}.asked")
        while True:
            self._seconds = float(self._path.read_text() or 0)
            asked.write_text(str(self._asked))
            time.sleep(_LOOK_SECONDS)


def main() -> None:
    if clock := os.environ.get("FAULT_CLOCK"):
        Clock(Path(clock))
    if point := os.environ.get("FAULT_POINT"):
        arm(point, Countdown(point, int(os.environ["FAULT_PASS"]), Path(os.environ["FAULT_LANDED"])))
    # After the points: what the product imports by name has to be the wrapped one.
    from agents.cli.main import main as orchestrator

    orchestrator(["worker"])


if __name__ == "__main__":
    main()

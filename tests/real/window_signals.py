"""Signals for windows: their timestamps are the senders', so that it is known which window each falls into.

Where one window is not enough there is one for each second ahead: however slow the machine is, some close before, during and
after what is done to a worker.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from tests.real.orchestrator import PARTITIONS
from tests.real.signal_sets import normalized
from tests.real.traffic import Traffic

WINDOW, EXPIRES = 1.0, 1.0
"""Seconds. A window closes once both have passed; the timeout of our correlations is their sum."""
TIMEOUT = WINDOW + EXPIRES
AHEAD = 180
"""Windows, one a second: longer than any restart takes."""


@dataclass(frozen=True)
class Sent:
    """One normalized signal; ``start`` of its window, and its own timestamp, in seconds since 1970."""

    corr_id: str
    partition: int
    start: int

    @property
    def closes(self) -> float:
        return self.start + TIMEOUT


def send(traffic: Traffic, topic: str, *signals: Sent) -> None:
    for signal in signals:
        traffic.send(topic, normalized(signal.corr_id), timestamp=signal.start * 1000)
    traffic.flush()


def make(traffic: Traffic, partition: int, start: float) -> Sent:
    return Sent(traffic.corr_id("window", partition), partition, int(start))


def one_window_everywhere(traffic: Traffic) -> list[Sent]:
    """Two correlations on each partition, partition after partition, all in one window that is open for a while."""
    start = time.time() + 2
    return [make(traffic, partition, start) for partition in range(PARTITIONS) for _ in range(2)]


def a_window_each(traffic: Traffic, *partitions: int) -> list[Sent]:
    """One correlation a second from now on, in turn on each of these partitions: none shares a window with another."""
    start = time.time() + 1
    return [make(traffic, partitions[n % len(partitions)], start + n * WINDOW) for n in range(AHEAD)]


def names(signals: Sequence[Sent]) -> list[str]:
    return [signal.corr_id for signal in signals]


def due_from_now(signals: Sequence[Sent], count: int) -> list[Sent]:
    return [signal for signal in signals if signal.closes > time.time()][:count]

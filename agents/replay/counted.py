"""Bad lines of recordings: all are counted, the first ones told."""

from collections.abc import Callable

from streams.recordings.read import Bad

TOLD = 20


class BadLines:
    """To be called with each. ``say`` is told of the first ``TOLD``, and once that there are more."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.count = 0
        self._say = say

    def __call__(self, bad: Bad) -> None:
        self.count += 1
        if self.count <= TOLD:
            self._say(f"bad line {bad}")
        elif self.count == TOLD + 1:
            self._say("more bad lines are only counted")

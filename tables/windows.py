"""Windows of due correlations: which rows have to be looked at when time has passed a second.

Every row has one time at which it is due: an open one its deadline, a decided one the end of its marker. Rows that are due
within the same second share a window. A sweep opens the windows that have passed, and none else: its cost follows
what is due, not what is open. The windows have no changelog of their own; they follow from the rows and are rebuilt
while these are restored. docs/decisions/windows.md shows what Faust's windowed tables lose and these do not.
"""

import heapq
from collections.abc import Iterator

WINDOW_MS = 1000


class Windows:
    """In memory, for open correlations: as many entries as are open."""

    def __init__(self) -> None:
        self._windows: dict[int, set[str]] = {}
        self._starts: list[int] = []
        self._window_of: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._window_of)

    def __contains__(self, corr_id: str) -> bool:
        return corr_id in self._window_of

    def add(self, corr_id: str, due: int) -> None:
        """Put a correlation where its ``due`` (ms) says; it is in one window at a time."""
        start = due // WINDOW_MS
        before = self._window_of.get(corr_id)
        if before == start:
            return
        if before is not None:
            self._windows[before].discard(corr_id)
        window = self._windows.get(start)
        if window is None:
            window = self._windows[start] = set()
            heapq.heappush(self._starts, start)
        window.add(corr_id)
        self._window_of[corr_id] = start

    def discard(self, corr_id: str) -> None:
        start = self._window_of.pop(corr_id, None)
        if start is not None:
            self._windows[start].discard(corr_id)

    def has_passed(self, time: int) -> bool:
        """Whether a window that is not empty began before ``time`` (ms)."""
        now = time // WINDOW_MS
        while self._starts and self._starts[0] <= now:
            if self._windows[self._starts[0]]:
                return True
            del self._windows[heapq.heappop(self._starts)]
        return False

    def passed(self, time: int) -> Iterator[str]:
        """Every correlation whose window began before ``time`` (ms), earliest window first, within one by corr_id.

        They stay in their windows: what turns out not to be due yet is found again by the next sweep.
        """
        now = time // WINDOW_MS
        for start in sorted(start for start in self._starts if start <= now):
            yield from sorted(self._windows[start])

"""Where a replay's outcomes go: lines of a file, or topics that nobody trades by."""

from collections.abc import Iterable
from pathlib import Path
from typing import IO

from agents.replay.runner import Place
from orchestration.processor import Effects
from streams.recordings.compression import open_to_write

_PLACE = b"%020d %012d %010d "
PLACE_LENGTH = len(_PLACE % (0, 0, 0))


class DecisionLines:
    """Each decision, as it would stand on `orchestrated.decision`, as one line."""

    wants_messages = False

    def __init__(self, path: Path) -> None:
        self._file: IO[bytes] = open_to_write(path)

    def take(self, _place: Place, effects: Effects, /) -> None:
        for outcome in effects.outcomes:
            self._file.write(outcome.value + b"\n")

    def write_lines(self, lines: Iterable[bytes]) -> None:
        self._file.writelines(lines)

    def close(self) -> None:
        self._file.close()


class PlacedLines(DecisionLines):
    """One process's part of them, each line with its place before it, so that the parts can be put together."""

    def take(self, place: Place, effects: Effects, /) -> None:
        for outcome in effects.outcomes:
            self._file.write(_PLACE % place + outcome.value + b"\n")

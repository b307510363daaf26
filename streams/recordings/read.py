"""Reading a recording: line by line, in bounded memory. A bad line is counted and told, and the rest goes on."""

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import zstandard

from orchestration.record import LogRecord
from streams.recordings.compression import Opened
from streams.recordings.line import BadLine, read_line
from streams.recordings.order import Placed, placed

HEAD = b'{"recording":'
LONGEST_LINE = 32 * 1024 * 1024
"""Four times the largest record: a file without line breaks must not fill the memory."""

LINES_CHECKED = 1024


class RecordingError(Exception):
    """A recording cannot be read, or not in this order. The text names file and line, and what to do."""


class Head(msgspec.Struct, frozen=True):
    """What a recording says of itself in its first line.

    ``partitions``: how many the topics had. ``since``: it holds what came from this time (ms) on; None: from the beginning.
    """

    version: int
    partitions: int
    since: int | None = None


class _HeadLine(msgspec.Struct, frozen=True):
    recording: Head


VERSION = 1
_DAMAGED = (EOFError, OSError, zlib.error, zstandard.ZstdError)
_decode_head = msgspec.json.Decoder(_HeadLine).decode


@dataclass(frozen=True, slots=True)
class Bad:
    """A line that was left out. ``line`` counts from 1."""

    file: Path
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: expected {self.reason}"


class Recording:
    """One file. ``on_bad`` is told of each bad line. Raises RecordingError where there is no such file."""

    def __init__(self, path: Path, on_bad: Callable[[Bad], None]) -> None:
        self.path = path
        self.line = 0
        self._on_bad = on_bad
        try:
            self._opened = Opened(path)
        except OSError as error:
            raise RecordingError(f"{path}: expected a readable file ({error.strerror})") from None
        self.size = self._opened.size

    def position(self) -> int:
        """Bytes of the file that have been read, of ``size``."""
        return self._opened.position()

    def close(self) -> None:
        self._opened.close()

    def head(self) -> Head | None:
        """Of the first line, where it is a head; to be asked before anything is read."""
        try:
            first = self._opened.lines.readline(4096)
        except _DAMAGED:
            # Whoever reads the records is told.
            first = b""
        self._opened.close()
        self._opened = Opened(self.path)
        return _head(first, self.path) if first.startswith(HEAD) else None

    def records(self) -> Iterator[LogRecord]:
        """In the order of the file. Raises RecordingError where the file ends in the middle of compressed data."""
        lines = self._opened.lines
        try:
            while line := lines.readline(LONGEST_LINE):
                self.line += 1
                if len(line) == LONGEST_LINE:
                    self._bad(f"a line of at most {LONGEST_LINE} bytes")
                    while line and not line.endswith(b"\n"):
                        line = lines.readline(LONGEST_LINE)
                    continue
                try:
                    record = read_line(line)
                except BadLine as error:
                    if line.isspace() or (self.line == 1 and line.startswith(HEAD)):
                        continue
                    self._bad(str(error))
                    continue
                yield record
        except _DAMAGED as error:
            raise RecordingError(
                f"{self.path}: expected a whole file; after line {self.line}: {error}"
            ) from None

    def in_order(self) -> Iterator[Placed]:
        """The records in the order of replay. Raises RecordingError at the first that stands after a later one."""
        before: tuple[int, str, int, int] = (-2, "", 0, 0)
        for one in placed(self.records()):
            if one[:4] < before:
                raise RecordingError(
                    f"{self.path}:{self.line}: expected records in the order (timestamp, topic, partition, offset): "
                    "`--sort` puts them into it"
                )
            before = one[:4]
            yield one

    def _bad(self, reason: str) -> None:
        self._on_bad(Bad(self.path, self.line, reason))


def _head(line: bytes, path: Path) -> Head:
    try:
        head = _decode_head(line).recording
    except ValueError:
        raise RecordingError(f'{path}:1: expected {{"recording":{{"version":1,"partitions":…}}}}') from None
    if head.version != VERSION:
        raise RecordingError(f"{path}:1: recording version {head.version}, expected {VERSION}")
    if head.partitions < 1:
        raise RecordingError(f"{path}:1: recording.partitions: expected 1 or more")
    return head

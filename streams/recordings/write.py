"""Writing a recording. What has been written when it is closed is a whole recording, also after an interrupt."""

from collections import Counter
from pathlib import Path

import msgspec

from orchestration.record import LogRecord
from streams.recordings.compression import open_to_write
from streams.recordings.line import write_line
from streams.recordings.read import VERSION


class RecordingWriter:
    """Counts what it wrote by topic. ``partitions`` and ``since`` stand in its head. Replaces the file ``path``."""

    def __init__(self, path: Path, partitions: int, since: int | None = None) -> None:
        self.written: Counter[str] = Counter()
        self._file = open_to_write(path)
        head = {"recording": {"version": VERSION, "partitions": partitions, "since": since}}
        self._file.write(msgspec.json.encode(head) + b"\n")

    def write(self, record: LogRecord) -> None:
        self._file.write(write_line(record))
        self.written[record.topic] += 1

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> "RecordingWriter":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

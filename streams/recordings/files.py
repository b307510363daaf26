"""Several recordings as one source of records."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from streams.recordings.merge import Merged
from streams.recordings.order import Placed
from streams.recordings.read import Bad, Head, Recording, RecordingError
from streams.recordings.sort import in_order


class Files:
    """``sort``: they need not be in the order of replay. Raises RecordingError for a file that cannot be read."""

    def __init__(self, paths: Sequence[Path], on_bad: Callable[[Bad], None], *, sort: bool = False) -> None:
        self._recordings: list[Recording] = []
        try:
            for path in paths:
                self._recordings.append(Recording(path, on_bad))
            heads = [(recording.path, recording.head()) for recording in self._recordings]
            self.partitions = _partition_count(heads)
            """How many the recorded topics had, where the recordings say so."""
        except RecordingError:
            self.close()
            raise
        self._sort = sort
        self._merged: Merged | None = None
        since = [head.since for _, head in heads if head is not None]
        self.since = None if None in since or not since else min(time for time in since if time is not None)
        """The records begin at this time (ms); None: with the topics."""

    def records(self) -> Iterator[Placed]:
        """Once, in the order of replay."""
        streams = [
            in_order(recording.records()) if self._sort else recording.in_order()
            for recording in self._recordings
        ]
        self._merged = Merged(streams)
        return iter(self._merged)

    @property
    def repeated(self) -> int:
        return 0 if self._merged is None else self._merged.repeated

    def done(self) -> float:
        """How much has been read, 0 to 1."""
        size = sum(recording.size for recording in self._recordings)
        return sum(recording.position() for recording in self._recordings) / size if size else 1.0

    def close(self) -> None:
        for recording in self._recordings:
            recording.close()


def _partition_count(heads: Sequence[tuple[Path, Head | None]]) -> int | None:
    counts = {head.partitions: path for path, head in heads if head is not None}
    if len(counts) > 1:
        told = ", ".join(f"{path} {count}" for count, path in counts.items())
        raise RecordingError(f"partitions: expected recordings of one partition count, got {told}")
    return next(iter(counts), None)

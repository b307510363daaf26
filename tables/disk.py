"""One partition's folder: a RocksDB that knows up to where it has the changelog, and that is rebuilt where it is damaged.

A damaged store is nothing to lose, since the changelog has everything; one that is read as if it were whole loses
correlations. Every way in which RocksDB shows damage ends in ``StoreDamaged`` or an empty folder.
"""

import logging
import shutil
import struct
import time
from collections.abc import Iterator
from pathlib import Path

from rocksdict import Rdict, ReadOptions, WriteBatch

from streams.lane.store import StoreDamaged
from tables.rocks import open_rocks

logger = logging.getLogger(__name__)

_META = b"m"
_META_FIELDS = struct.Struct(">qd")


class Disk:
    """Keys and values are bytes; the key ``m`` is taken. ``restored_to``: the changelog offset that comes next, or None.

    Every method raises StoreDamaged where the disk does not give back what was written.
    """

    restored_to: int | None
    written_at: float

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._closed = False
        self._rocks = self._open_or_wipe()
        self._read_meta()

    @property
    def age_seconds(self) -> float:
        return max(0.0, time.time() - self.written_at)

    def get(self, key: bytes) -> bytes | None:
        try:
            data: bytes | None = self._rocks.get(key)
        except Exception as error:
            raise self._damaged(error) from error
        return data

    def write(self, batch: WriteBatch, changelog_offset: int | None) -> None:
        """Together with ``changelog_offset``, where that has moved."""
        if changelog_offset is not None:
            batch.put(_META, _META_FIELDS.pack(changelog_offset, time.time()))
        try:
            self._rocks.write(batch)
        except Exception as error:
            raise self._damaged(error) from error
        if changelog_offset is not None:
            self.restored_to = changelog_offset

    def scan(self, prefix: bytes, start: bytes | None = None) -> Iterator[tuple[bytes, bytes]]:
        """Keys that begin with ``prefix`` and their values, in order, from ``start`` on."""
        try:
            iterator = self._rocks.iter(ReadOptions())
            iterator.seek(prefix if start is None else start)
            while iterator.valid():
                key = iterator.key()
                if not key.startswith(prefix):
                    return
                yield key, iterator.value()
                iterator.next()
            # An iterator that meets a damaged block just ends.
            iterator.status()
        except Exception as error:
            raise self._damaged(error) from error

    def wipe(self) -> None:
        self._rocks.close()
        shutil.rmtree(self._folder, ignore_errors=True)
        self._rocks = self._open_or_wipe()
        self._read_meta()

    def flush(self) -> None:
        """What was written is in the folder's files, not only in RocksDB's memory and log."""
        self._rocks.flush()

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._rocks.close()

    def _damaged(self, error: Exception) -> StoreDamaged:
        # RocksDB opens a store with a damaged block as if nothing were wrong: without this mark the next bring-up would
        # find the same block, for ever.
        self._mark.touch()
        return StoreDamaged(
            f"the local store {self._folder} is damaged, it is rebuilt from the changelog: {error}"
        )

    @property
    def _mark(self) -> Path:
        return self._folder.with_name(f"{self._folder.name}.damaged")

    def _open_or_wipe(self) -> Rdict:
        self._folder.parent.mkdir(parents=True, exist_ok=True)
        if self._mark.exists():
            shutil.rmtree(self._folder, ignore_errors=True)
            self._mark.unlink()
        try:
            return open_rocks(self._folder)
        except Exception as error:
            if "lock" in str(error).lower():
                raise
            logger.warning(
                "the local store %s cannot be opened and is rebuilt from the changelog: %s",
                self._folder,
                error,
            )
            shutil.rmtree(self._folder, ignore_errors=True)
            return open_rocks(self._folder)

    def _read_meta(self) -> None:
        try:
            meta = self._rocks.get(_META)
        except Exception as error:  # noqa: BLE001 - the library raises nothing more particular
            logger.warning("%s", self._damaged(error))
            self._rocks.close()
            self._rocks = self._open_or_wipe()
            meta = None
        if meta is None:
            self.restored_to, self.written_at = None, time.time()
        else:
            self.restored_to, self.written_at = _META_FIELDS.unpack(meta)

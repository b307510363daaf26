"""Recordings as files, plain or compressed; the name's ending says which."""

import gzip
import io
from pathlib import Path
from typing import IO, cast

import zstandard

ENDINGS = {".zst": "zstd", ".gz": "gzip"}

_ZSTD_LEVEL = 3
_GZIP_LEVEL = 6
_BUFFER_BYTES = 1024 * 1024
_GZIP_BUFFER_BYTES = 64 * 1024
"""What stands in a buffer when a file turns out to be cut off is lost with it."""


class Opened:
    """``lines`` reads on; ``position`` tells how many bytes of the file on disk have been read, of ``size``."""

    def __init__(self, path: Path) -> None:
        self.size = path.stat().st_size
        self._file = path.open("rb")
        self.lines = cast(IO[bytes], _decompressed(self._file, path))

    def position(self) -> int:
        return self._file.tell()

    def close(self) -> None:
        self.lines.close()
        self._file.close()


def _decompressed(file: IO[bytes], path: Path) -> object:
    match ENDINGS.get(path.suffix):
        case "zstd":
            # Files that were compressed in pieces and put together are read to the end of the last one.
            reader = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
            return io.BufferedReader(cast(io.RawIOBase, reader), _BUFFER_BYTES)
        case "gzip":
            return io.BufferedReader(cast(io.RawIOBase, gzip.GzipFile(fileobj=file)), _GZIP_BUFFER_BYTES)
        case _:
            return file


def open_to_write(path: Path) -> IO[bytes]:
    """Replaces what is there. Closing it makes the file whole."""
    match ENDINGS.get(path.suffix):
        case "zstd":
            return cast(
                IO[bytes], zstandard.open(path, "wb", cctx=zstandard.ZstdCompressor(level=_ZSTD_LEVEL))
            )
        case "gzip":
            # Without name and time in its head the same records give the same bytes.
            return cast(IO[bytes], _GzipFile(path))
        case _:
            return path.open("wb", buffering=_BUFFER_BYTES)


class _GzipFile(gzip.GzipFile):
    def __init__(self, path: Path) -> None:
        self._path_file = path.open("wb")
        super().__init__(filename="", mode="wb", compresslevel=_GZIP_LEVEL, fileobj=self._path_file, mtime=0)

    def close(self) -> None:
        super().close()
        self._path_file.close()

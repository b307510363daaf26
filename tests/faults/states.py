"""The files of a worker's local store, and ways to spoil them while the worker is down."""

import shutil
from pathlib import Path

from tests.faults.cluster_worker import ClusterWorker


def delete_states(worker: ClusterWorker) -> int:
    """All partitions; how many there were."""
    folders = partition_folders(worker)
    shutil.rmtree(worker.states, ignore_errors=True)
    return len(folders)


def partition_folders(worker: ClusterWorker) -> list[Path]:
    return sorted(worker.states.glob("*/partition-*[0-9]"))


def table_files(folder: Path) -> list[Path]:
    """RocksDB's tables, the newest last. What was written since the last start may be in a log file still."""
    return sorted(folder.glob("*.sst"))


def truncate(path: Path) -> None:
    """To half of its length."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def flip_a_byte(path: Path, position: int) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 0xFF
    path.write_bytes(bytes(content))

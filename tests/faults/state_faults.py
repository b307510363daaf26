"""What happens to a worker's local store."""

import resource
from pathlib import Path

from typing_extensions import override

from tests.faults.cluster_worker import ClusterWorker
from tests.faults.fault import Fault, Missed, Scene
from tests.faults.states import delete_states, flip_a_byte, partition_folders, table_files, truncate

_ROOM_BYTES = 64 * 1024
_IN_THE_FIRST_BLOCK = 20
DAMAGED = ("is damaged, it is rebuilt", "cannot be opened and is rebuilt")


class StateDeleted(Fault):
    """All local stores of a killed worker are gone at its next start."""

    name = "state folder deleted"

    @override
    def strike(self, scene: Scene) -> str:
        worker = scene.some_worker()
        worker.kill()
        deleted = delete_states(worker)
        scene.cluster.start()
        rows = sum(worker.restored.values())
        if not deleted or not rows:
            raise Missed(f"{worker.name}: {deleted} stores deleted, {rows} rows restored")
        return f"{worker.name}: {deleted} stores deleted, {rows} rows restored"


class _Damage(Fault):
    """One file of one store of a stopped worker."""

    @override
    def strike(self, scene: Scene) -> str:
        worker = scene.some_worker()
        worker.stop()
        path = self._newest_table(scene, worker)
        size = path.stat().st_size
        self.damage(path)
        worker.launch()
        scene.must(lambda: any(worker.logged(text) for text in DAMAGED), f"the damage of {path} is noticed")
        scene.cluster.start()
        return f"{worker.name}: {path.parent.name}/{path.name} of {size} bytes, noticed"

    def damage(self, path: Path) -> None:
        raise NotImplementedError

    @staticmethod
    def _newest_table(scene: Scene, worker: ClusterWorker) -> Path:
        found = [files[-1] for folder in partition_folders(worker) if (files := table_files(folder))]
        if not found:
            raise Missed(f"{worker.name} has no table file to damage")
        return scene.random.choice(found)


class FileTruncated(_Damage):
    """Half of the newest table is missing: seen when the store is opened."""

    name = "state file truncated"

    @override
    def damage(self, path: Path) -> None:
        truncate(path)


class ByteFlipped(_Damage):
    """One byte of the block that holds the changelog offset: seen when that is read."""

    name = "state byte flipped"

    @override
    def damage(self, path: Path) -> None:
        flip_a_byte(path, _IN_THE_FIRST_BLOCK)


class DiskFull(Fault):
    """No file of a running worker can grow (RLIMIT_FSIZE); then they can again."""

    name = "disk full"

    @override
    def strike(self, scene: Scene) -> str:
        worker = scene.some_worker()
        largest = max(
            path.stat().st_size for path in (worker.log_path, *worker.states.rglob("*.log")) if path.is_file()
        )
        before = resource.prlimit(worker.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (largest + _ROOM_BYTES, before[1]))
        try:
            scene.must(
                lambda: any(worker.logged(text) for text in DAMAGED), "a write to the store is refused"
            )
        finally:
            resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, before)
        return f"{worker.name}: no file above {largest + _ROOM_BYTES} bytes"

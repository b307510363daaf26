"""What happens between one worker and the broker, in the worker's proxy."""

import time
from typing import ClassVar

from typing_extensions import override

from tests.faults.cluster_worker import ClusterWorker
from tests.faults.fault import Fault, Missed, Scene

LATENCY_SECONDS = 0.15
LATENT_SECONDS = 6.0
RESETS = 8


class _Severed(Fault):
    """No byte gets through until the others own the worker's partitions; then all does again."""

    mode: ClassVar[str]
    counted: ClassVar[str]

    @override
    def strike(self, scene: Scene) -> str:
        worker, proxies = scene.some_worker(), scene.cluster.proxies
        held, before = worker.assigned, proxies.counts(worker.number)
        proxies.set(worker.number, "cut" if self.mode == "cut" else "half_open")
        try:
            scene.must(
                lambda: held <= _owned_by_others(scene, worker),
                f"the partitions {sorted(held)} of {worker.name} are taken over",
            )
            generation = max(other.generation for other in scene.cluster.others(worker))
        finally:
            after = proxies.set(worker.number, "pass")
        hit = after[self.counted] - before[self.counted]
        if hit < 1:
            raise Missed(f"{worker.name}: nothing of it was {self.counted}")
        scene.must(lambda: worker.generation > generation or not worker.alive, f"{worker.name} is back")
        return f"{worker.name}: {self.counted} {hit}, taken over in generation {generation}"


class Cut(_Severed):
    """Connections end, and new ones are refused."""

    name = "TCP cut"
    mode = "cut"
    counted = "cut"


class HalfOpen(_Severed):
    """Everybody stays connected, and nobody hears anything."""

    name = "TCP half-open"
    mode = "half_open"
    counted = "bytes_swallowed"


class Latency(Fault):
    """Every chunk waits, in both directions."""

    name = "TCP latency"

    @override
    def strike(self, scene: Scene) -> str:
        worker, proxies = scene.some_worker(), scene.cluster.proxies
        before = proxies.counts(worker.number)
        proxies.set(worker.number, "latency", LATENCY_SECONDS)
        try:
            time.sleep(LATENT_SECONDS)
        finally:
            after = proxies.set(worker.number, "pass")
        hit = after["chunks_delayed"] - before["chunks_delayed"]
        if hit < 10:
            raise Missed(f"{worker.name}: {hit} chunks delayed")
        return f"{worker.name}: {hit} chunks delayed by {LATENCY_SECONDS:g} s"


class Reset(Fault):
    """Every connection ends with an RST, several times in a row."""

    name = "TCP reset"

    @override
    def strike(self, scene: Scene) -> str:
        worker, proxies = scene.some_worker(), scene.cluster.proxies
        before = proxies.counts(worker.number)
        after = before
        for _ in range(RESETS):
            after = proxies.reset_connections(worker.number)
            time.sleep(0.3 + scene.random.random() * 0.4)
        hit = after["reset"] - before["reset"]
        if hit < RESETS:
            raise Missed(f"{worker.name}: {hit} connections reset")
        return f"{worker.name}: {hit} connections reset in {RESETS} blows"


def _owned_by_others(scene: Scene, worker: ClusterWorker) -> frozenset[int]:
    return frozenset(number for other in scene.cluster.others(worker) for number in other.assigned)

"""Faults that are messages: nonsense, very many open correlations, very many messages of one."""

from collections.abc import Iterable, Iterator

import msgspec
from typing_extensions import override

from tests.faults.bodies import drawn_bodies
from tests.faults.fault import Fault, Missed, Scene
from tests.faults.fuzz import fuzzed
from tests.faults.planned import Planned
from tests.real.signal_sets import NORMALIZED, topic_of

FUZZ_IDS, OPEN_IDS, HOT_IDS = 1_000_000_000, 2_000_000_000, 3_000_000_000
"""Message ids of their own: the workload counts from 1."""


class _Load(Fault):
    """Sent as fast as it goes; landed when the broker has acknowledged all of it."""

    def __init__(self, name: str, count: int) -> None:
        self.name = name
        self._count = count

    @override
    def strike(self, scene: Scene) -> str:
        acknowledged = scene.send(self.messages(scene))
        if acknowledged < self._count:
            raise Missed(f"{acknowledged} of {self._count} acknowledged")
        return f"{acknowledged} messages acknowledged"

    def messages(self, scene: Scene) -> Iterable[Planned]:
        raise NotImplementedError


class Fuzz(_Load):
    """Payloads that nobody should send."""

    def __init__(self, count: int) -> None:
        super().__init__("fuzzed payloads", count)

    @override
    def messages(self, scene: Scene) -> Iterator[Planned]:
        return fuzzed(scene.random.randrange(10**6), self._count, FUZZ_IDS)


class ManyOpen(_Load):
    """Correlations of which a normalized signal comes and nothing more; when all are open, a worker is killed."""

    def __init__(self, count: int) -> None:
        super().__init__("correlations left open", count)

    @override
    def messages(self, scene: Scene) -> Iterator[Planned]:
        seed = scene.random.randrange(10**6)
        body = drawn_bodies(scene.random, "@")[NORMALIZED]
        for number in range(self._count):
            corr_id = f"open{seed}-{number}"
            value = msgspec.json.encode(body | {"corr_id": corr_id})
            topic, key = topic_of(NORMALIZED), corr_id.encode()
            yield Planned(0.0, OPEN_IDS + number, corr_id, NORMALIZED, "signal", topic, key, value)

    @override
    def strike(self, scene: Scene) -> str:
        note = super().strike(scene)
        scene.must(
            lambda: scene.cluster.open_correlations() >= self._count, f"{self._count} correlations are open"
        )
        opened, worker = scene.cluster.open_correlations(), scene.some_worker()
        worker.kill()
        return f"{note}, {opened} open when {worker.name} was killed"


class HotCorrelation(_Load):
    """One corr_id, very many messages. The others of its partition are to be decided all the same."""

    def __init__(self, count: int) -> None:
        super().__init__("messages of one correlation", count)

    @override
    def messages(self, scene: Scene) -> Iterator[Planned]:
        corr_id = f"hottest-{scene.random.randrange(10**6)}"
        bodies = drawn_bodies(scene.random, corr_id)
        for number in range(self._count):
            agent = scene.random.choice(["momentum", "momentum", "risk", "sentiment"])
            value = msgspec.json.encode(bodies[agent] | {"note": str(number)})
            yield Planned(
                0.0, HOT_IDS + number, corr_id, agent, "hot", topic_of(agent), corr_id.encode(), value
            )

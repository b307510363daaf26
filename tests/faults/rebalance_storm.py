"""Members that come, take partitions and go: each time all workers pause and are assigned anew."""

import time

from confluent_kafka import Consumer, TopicPartition
from typing_extensions import override

from streams.topics import TICK_TOPIC
from tests.faults.fault import Fault, Missed, Scene
from tests.real.broker import QUIET

VISITS = 6
_VISIT_SECONDS = 30.0


class RebalanceStorm(Fault):
    """A visitor joins the workers' group and leaves as soon as it has been given partitions, several times in a row."""

    name = "rebalance storm"

    @override
    def strike(self, scene: Scene) -> str:
        before = max(worker.generation for worker in scene.cluster.workers)
        given = [self._visit(scene) for _ in range(VISITS)]
        if not all(given):
            raise Missed(f"partitions given to the visitor: {given}")
        scene.must(
            lambda: min(worker.generation for worker in scene.cluster.workers) >= before + VISITS,
            f"{VISITS} generations after {before}",
        )
        return f"{VISITS} visits were given {given} partitions"

    @staticmethod
    def _visit(scene: Scene) -> int:
        given: list[TopicPartition] = []
        visitor = Consumer(
            QUIET
            | {
                "bootstrap.servers": scene.cluster.kafka.bootstrap_servers,
                "group.id": scene.cluster.app_id,
                "partition.assignment.strategy": "range",
                "session.timeout.ms": 6000,
                "enable.auto.commit": False,
                "auto.offset.reset": "error",
            }
        )
        visitor.subscribe(
            [*scene.cluster.inputs, TICK_TOPIC], on_assign=lambda _, partitions: given.extend(partitions)
        )
        deadline = time.monotonic() + _VISIT_SECONDS
        try:
            while not given and time.monotonic() < deadline:
                visitor.poll(0.1)
        finally:
            visitor.close()
        return len(given)

"""A real broker, and worker processes that reach it through a proxy each: what faults are done to."""

import shutil
import tempfile
import uuid
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from confluent_kafka import IsolationLevel, KafkaException
from confluent_kafka.admin import OffsetSpec

from config.orchestrator_settings import SHIPPED_WORKFLOWS
from config.workflows.loader import load_workflows
from streams.stack.ports import free_ports
from streams.topics import changelog_topic, ensure_topics, input_topics, topic_specs
from tests.faults.cluster_worker import ClusterWorker
from tests.faults.proxied_kafka import ProxiedKafka
from tests.faults.proxies import Proxies
from tests.real.broker import Broker, Place
from tests.real.worker_process import eventually

PARTITIONS = 4
_BROKER_PROPERTIES = {"broker.session.timeout.ms": "6000", "broker.heartbeat.interval.ms": "200"}
"""A killed broker is refused by its controller until this is over; with 2000 a busy machine fenced brokers that were alive,
and faults were made to a cluster that had one already."""
RECOVERY_SECONDS = 120.0
"""How long anything may take to come back, on a machine with ten times more work than cores."""


class Cluster:
    """``environment`` is that of every worker; ``workers`` of them are made, and none is started yet."""

    def __init__(
        self,
        *,
        workers: int = 2,
        guarantee: str = "exactly_once",
        session_seconds: int = 1,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        self._temporary = None if folder else Path(tempfile.mkdtemp(prefix="signal-orchestrator-faults-"))
        self.folder = folder or self._temporary or Path()
        self.app_id = f"faults-{uuid.uuid4().hex[:8]}"
        self.changelog = changelog_topic(self.app_id)
        self.guarantee = guarantee
        extra = dict(environment or {})
        timeout = extra.get("DECISION_TIMEOUT_SEC")
        self.workflows = load_workflows(
            Path(extra.get("ORCHESTRATOR_WORKFLOWS", SHIPPED_WORKFLOWS)),
            timeout_override=float(timeout) if timeout is not None else None,
            min_agents_override=None,
        ).workflows
        self.inputs = input_topics(self.workflows.agents)
        self.specs = topic_specs(self.workflows.agents, self.workflows.topics, self.app_id)
        ports = free_ports(workers)
        self.kafka = ProxiedKafka(ports, properties=_BROKER_PROPERTIES)
        self.workers = [
            ClusterWorker(
                number,
                self.folder,
                {
                    "KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{port}",
                    "ORCHESTRATOR_APP_ID": self.app_id,
                    "ORCHESTRATOR_PARTITIONS": str(PARTITIONS),
                    "ORCHESTRATOR_SESSION_TIMEOUT_SEC": str(session_seconds),
                    "ORCHESTRATOR_GUARANTEE": guarantee,
                    **extra,
                },
            )
            for number, port in enumerate(ports)
        ]
        self.proxies: Proxies
        self.broker: Broker
        self._ports = ports
        self._parts = ExitStack()

    def __enter__(self) -> Self:
        try:
            self._parts.callback(self._clean_up)
            self._parts.enter_context(self.kafka)
            routes = list(zip(self._ports, self.kafka.listener_ports, strict=True))
            self.proxies = self._parts.enter_context(Proxies(routes))
            self.broker = Broker(self.kafka.bootstrap_servers)
            self.make_topics()
            for worker in self.workers:
                self._parts.callback(worker.close)
        except BaseException:
            self._parts.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._parts.close()

    def make_topics(self) -> None:
        """Those that are missing."""
        client = {"bootstrap.servers": self.kafka.bootstrap_servers}
        ensure_topics(client, self.specs, partitions=PARTITIONS, replication=1, create=True)

    # -- its workers --------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Returns when every worker is up and every partition has an owner."""
        for worker in self.workers:
            if not worker.alive:
                worker.launch()
        for worker in self.workers:
            worker.wait_until_ready()
        assert eventually(self.shared_out, RECOVERY_SECONDS), self.described()

    def shared_out(self) -> bool:
        """Every partition is up, and each worker has some."""
        if any(worker.health() != 200 for worker in self.workers):
            return False
        assigned = [worker.assigned for worker in self.workers]
        return all(assigned) and sorted(number for one in assigned for number in one) == list(
            range(PARTITIONS)
        )

    def others(self, worker: ClusterWorker) -> list[ClusterWorker]:
        return [other for other in self.workers if other is not worker]

    def open_correlations(self) -> int:
        return sum(worker.open_correlations() for worker in self.workers)

    # -- what stands in the log ---------------------------------------------------------------------------------------

    def input_ends(self) -> dict[Place, int]:
        return self.broker.offsets(self.broker.places(self.inputs), OffsetSpec.latest())

    def committed(self) -> dict[Place, int]:
        """The group's offsets; 0 where there is none yet."""
        found = self.broker.group_offsets(self.app_id, self.broker.places(self.inputs))
        return {place: max(0, offset) for place, offset in found.items()}

    def has_read_to(self, ends: Mapping[Place, int]) -> bool:
        """False too where the broker does not tell."""
        try:
            committed = self.committed()
        except KafkaException:
            self.ask_anew()
            return False
        return all(committed.get(place, 0) >= end for place, end in ends.items())

    def ask_anew(self) -> None:
        """After the broker was away: an admin client goes on asking with what it knew before, and is refused."""
        self.broker = Broker(self.kafka.bootstrap_servers)

    def in_open_transactions(self) -> dict[int, int]:
        """For each partition, how many changelog records and markers stand behind the beginning of an open transaction."""
        places = [(self.changelog, number) for number in range(PARTITIONS)]
        stable = self.broker.offsets(places, OffsetSpec.latest())
        ends = self.broker.offsets(places, OffsetSpec.latest(), IsolationLevel.READ_UNCOMMITTED)
        return {place[1]: ends[place] - stable[place] for place in places}

    def described(self) -> str:
        return "\n".join(
            f"{worker.name}: alive {worker.alive}, health {worker.health()}, partitions {sorted(worker.assigned)}\n"
            f"{worker.log[-3000:]}"
            for worker in self.workers
            if worker.starts
        )

    def _clean_up(self) -> None:
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)

"""An orchestrator under test: one app id on one broker, its workers, what goes in and what comes out.

Topics have fixed names, so on one broker only one of these may run workers at a time. A new one finds the inputs emptied
and starts with an app id of its own: neither records nor state of an earlier test reach it.
"""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from config.orchestrator_settings import SHIPPED_WORKFLOWS
from config.workflows.loader import load_workflows
from orchestration.workflows import Workflows
from streams.topics import DECISION_TOPIC, changelog_topic, ensure_topics, input_topics, topic_specs
from tests.real.broker import PATIENCE_SECONDS, Broker, Place
from tests.real.outputs import Outputs, decoded, read_back
from tests.real.signal_sets import bodies
from tests.real.traffic import Traffic
from tests.real.worker_process import COMMAND, Worker, eventually

PARTITIONS = 4
SESSION_SECONDS = 6
_in_use: set[str] = set()


class Orchestrator:
    """``environment`` is that of each of its workers; the app id is a new one unless it stands there."""

    def __init__(self, bootstrap_servers: str, folder: Path, environment: Mapping[str, str]) -> None:
        self.broker = Broker(bootstrap_servers)
        self.app_id = environment.get("ORCHESTRATOR_APP_ID", f"app-{uuid.uuid4().hex[:8]}")
        self.workflows = self._load(environment)
        self.inputs = input_topics(self.workflows.agents)
        self._folder = folder
        self.environment = {
            "KAFKA_BOOTSTRAP_SERVERS": bootstrap_servers,
            "ORCHESTRATOR_APP_ID": self.app_id,
            "ORCHESTRATOR_PARTITIONS": str(PARTITIONS),
            "ORCHESTRATOR_SESSION_TIMEOUT_SEC": str(SESSION_SECONDS),
            **environment,
        }
        self._workers: list[Worker] = []
        self._specs = topic_specs(self.workflows.agents, self.workflows.topics, self.app_id)
        self.make_topics()
        self.broker.empty(self.inputs)
        self.traffic = Traffic(bootstrap_servers, PARTITIONS)
        # The tick topic and the changelog are the worker's own; what stands in them is asked for expressly.
        own = {*self.inputs, "orchestrator.tick", self.changelog}
        self._output_topics = [spec.name for spec in self._specs if spec.name not in own]
        self.outputs = Outputs(self.broker, self._output_topics)

    def make_topics(self) -> None:
        """Those that are missing."""
        client = {"bootstrap.servers": self.broker.bootstrap_servers}
        ensure_topics(client, self._specs, partitions=PARTITIONS, replication=1, create=True)

    def empty_outputs(self) -> None:
        """For readers that begin at a topic's beginning, where other tests' records stand."""
        self.broker.empty(self._output_topics)

    @property
    def changelog(self) -> str:
        return changelog_topic(self.app_id)

    def worker(self, name: str = "a", command: Sequence[str] = COMMAND, **environment: str) -> Worker:
        """One that does not run yet; ``name`` is its worker id and the name of its data folder."""
        made = Worker(
            self._folder / name,
            self._folder / f"{name}.log",
            self.environment | {"ORCHESTRATOR_WORKER_ID": name} | environment,
            command,
        )
        self._workers.append(made)
        return made

    def start(self, name: str = "a", **environment: str) -> Worker:
        """A worker that is up."""
        return self.worker(name, **environment).start()

    def decide(self, *names: str) -> list[str]:
        """Send one complete correlation for each name and wait for its decision; their corr_ids."""
        corr_ids = [self.traffic.corr_id(name) for name in names]
        self.send_complete(*corr_ids)
        self.outputs.wait_for(DECISION_TOPIC, corr_ids)
        return corr_ids

    def send_complete(self, *corr_ids: str) -> None:
        """Every signal of each."""
        self.traffic.send_in_order(*(bodies(corr_id) for corr_id in corr_ids))

    def read_so_far(self) -> None:
        """Everything sent so far has been read and committed: what is sent from now on is taken after it.

        Between topics that is not a matter of course: of two records that are on their way at once either may be read first.
        """
        self.traffic.flush()
        assert eventually(self._committed, PATIENCE_SECONDS), "what was sent was not read"

    def settle(self) -> None:
        """Everything sent so far has been read and committed, and what came of it is in ``outputs``.

        Offsets are committed with the outputs, or after them where there are no transactions.
        """
        self.read_so_far()
        self.outputs.drain()

    def decisions(self, corr_id: str) -> list[dict[str, Any]]:
        """Those read so far, decoded."""
        return [decoded(message) for message in self.outputs.of(DECISION_TOPIC, corr_id)]

    def the_decision(self, corr_id: str) -> dict[str, Any]:
        """The one and only, so far."""
        (decision,) = self.decisions(corr_id)
        return decision

    def rows(self) -> dict[bytes | None, bytes | None]:
        """The last committed value of each key in the changelog."""
        return {record.key: record.value for record in read_back(self.broker, [self.changelog])}

    def committed_offsets(self) -> dict[Place, int]:
        """The group's."""
        return self.broker.group_offsets(self.app_id, self.broker.places(self.inputs))

    def _committed(self) -> bool:
        committed = self.committed_offsets()
        return all(end <= committed.get(place, end) for place, end in self.traffic.ends.items())

    def close(self) -> None:
        for worker in self._workers:
            worker.close()
        self.outputs.close()

    @staticmethod
    def _load(environment: Mapping[str, str]) -> Workflows:
        timeout = environment.get("DECISION_TIMEOUT_SEC")
        return load_workflows(
            Path(environment.get("ORCHESTRATOR_WORKFLOWS", SHIPPED_WORKFLOWS)),
            timeout_override=float(timeout) if timeout is not None else None,
            min_agents_override=None,
        ).workflows


@contextmanager
def orchestrator_on(bootstrap_servers: str, folder: Path, **environment: str) -> Iterator[Orchestrator]:
    """Ends its workers in any case."""
    assert bootstrap_servers not in _in_use, "another test's workers would read this one's signals"
    made = Orchestrator(bootstrap_servers, folder, environment)
    _in_use.add(bootstrap_servers)
    try:
        yield made
    finally:
        _in_use.discard(bootstrap_servers)
        made.close()

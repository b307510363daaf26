"""A worker of Faust alone (``tests.real.faust_window_app``) as a process, seen through what it writes."""

import json
import signal
import sys
from collections.abc import Iterable
from pathlib import Path

from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import OffsetSpec

from streams.stack.supervised import SupervisedProcess
from tests.real.broker import PATIENCE_SECONDS, Broker
from tests.real.worker_process import READY_SECONDS, eventually

COMMAND = (sys.executable, "-m", "tests.real.faust_window_app", "worker", "--without-web", "-l", "error")


class FaustWorker:
    """May be started again after a kill. Window and expiry in seconds."""

    def __init__(
        self,
        broker: Broker,
        folder: Path,
        topic: str,
        app_id: str,
        name: str,
        *,
        partitions: int,
        window: float,
        expires: float,
    ) -> None:
        self.changelog = f"{app_id}-correlations-changelog"
        self._broker = broker
        self._topic = topic
        self._app_id = app_id
        self._log_path = folder / f"{app_id}-{name}.log"
        self._events_path = folder / f"{app_id}-{name}.events"
        self._events_start = 0
        self._environment = {
            "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_servers,
            "WINDOW_APP_ID": app_id,
            "WINDOW_WORKER_ID": name,
            "WINDOW_TOPIC": topic,
            "WINDOW_EVENTS": str(self._events_path),
            "WINDOW_PARTITIONS": str(partitions),
            "WINDOW_DATA_DIR": str(folder / f"{app_id}-{name}"),
            "WINDOW_SECONDS": str(window),
            "WINDOW_EXPIRES_SECONDS": str(expires),
        }
        self._process: SupervisedProcess | None = None

    def start(self) -> "FaustWorker":
        """Returns when its table is restored and it reads."""
        self._events_path.touch()
        self._events_start = self._events_path.stat().st_size
        self._process = SupervisedProcess(COMMAND, self._log_path, environment=self._environment)
        up = eventually(lambda: any(event == "restored" for event, *_ in self._events()), READY_SECONDS)
        assert up, f"Faust's worker is not up; the end of its log:\n{self._log_path.read_text()[-6000:]}"
        return self

    def kill(self) -> None:
        """kill -9, where it runs."""
        if self._process is not None:
            self._process.send(signal.SIGKILL)
            self._process.release()
            self._process = None

    def told(self, event: str) -> list[str]:
        """The corr_ids of these events since its last start."""
        return [corr_id for found, *corr_ids in self._events() if found == event for corr_id in corr_ids]

    def wait_for(self, event: str, corr_ids: Iterable[str]) -> None:
        wanted = set(corr_ids)
        came = eventually(lambda: wanted <= set(self.told(event)), PATIENCE_SECONDS)
        assert came, f"not {event}: {wanted - set(self.told(event))}"

    def wait_for_commit(self) -> None:
        """Until its group has committed everything that is in the topic."""
        assert eventually(lambda: self._committed() == self._ends(), PATIENCE_SECONDS)

    def _committed(self) -> dict[int, int]:
        places = [TopicPartition(*place) for place in self._broker.places([self._topic])]
        request = [ConsumerGroupTopicPartitions(self._app_id, places)]
        (answer,) = self._broker.admin.list_consumer_group_offsets(request).values()
        found = answer.result(PATIENCE_SECONDS).topic_partitions
        return {place.partition: place.offset for place in found if place.offset >= 0}

    def _ends(self) -> dict[int, int]:
        ends = self._broker.offsets(self._broker.places([self._topic]), OffsetSpec.latest())
        return {partition: end for (_, partition), end in ends.items() if end > 0}

    def _events(self) -> list[list[str]]:
        lines = self._events_path.read_bytes()[self._events_start :].decode().splitlines(keepends=True)
        # A kill may have cut the last one off.
        return [json.loads(line) for line in lines if line.endswith("\n")]

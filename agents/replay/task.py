"""One replay as plain values, so that every process that works on it reads the same and decides by the same."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from agents.replay.rows import MEMORY_BYTES
from agents.replay.runner import Rules
from config.settings import Settings
from config.version import orchestrator_version
from config.workflows.loader import LoadedWorkflows, load_workflows
from orchestration.correlation import Context
from streams.recordings.files import Files
from streams.recordings.order import Placed
from streams.recordings.ranges import Span
from streams.recordings.read import Bad


class Source(Protocol):
    """Records in the order of replay, once. ``done``: how much has been read, 0 to 1."""

    @property
    def repeated(self) -> int: ...
    def records(self) -> Iterator[Placed]: ...
    def done(self) -> float: ...
    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Task:
    """``files``: recordings; without them ``spans``, ranges of Kafka. ``memory_bytes``: of all processes together."""

    settings: Settings
    workflows: Path
    partitions: int
    files: tuple[Path, ...] = ()
    spans: tuple[Span, ...] = ()
    sort: bool = False
    drain: bool = False
    memory_bytes: int = MEMORY_BYTES

    def rules(self) -> Rules:
        """Raises WorkflowFileError."""
        loaded = self.load()
        context = Context(loaded.workflows, float(self.settings.idempotency_ttl_sec), orchestrator_version())
        return Rules(context, self.partitions)

    def load(self) -> LoadedWorkflows:
        """Raises WorkflowFileError."""
        return load_workflows(
            self.workflows,
            timeout_override=self.settings.decision_timeout_sec,
            min_agents_override=self.settings.min_agents_required,
        )

    def open(self, on_bad: Callable[[Bad], None]) -> Source:
        """Raises RecordingError."""
        if self.files:
            return Files(self.files, on_bad, sort=self.sort)
        # A replay of files works where no Kafka client is installed.
        from streams.clients import consumer_settings
        from streams.recordings.kafka_range import KafkaRange

        return KafkaRange(consumer_settings(self.settings, f"{self.settings.app_id}-replay"), self.spans)

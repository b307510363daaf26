"""Putting the lane together from the settings."""

from collections.abc import Callable
from dataclasses import dataclass

from config.settings import Settings
from orchestration.correlation import Context
from orchestration.intake import Intake
from orchestration.workflows import Workflows
from streams.clients import client_settings, consumer_settings, producer_settings, writer_settings
from streams.lane.at_least_once_writer import AtLeastOnceWriter, StillMember
from streams.lane.bring_up import BringUp
from streams.lane.lane import Lane, LaneSettings
from streams.lane.observer import LaneObserver
from streams.lane.partition import PartitionLane
from streams.lane.store import PartitionStore
from streams.lane.transactional_writer import TransactionalWriter
from streams.lane.writer import Writer
from streams.topics import TICK_TOPIC, changelog_topic, input_topics
from tables.correlations import PartitionTable

COMMIT_PATIENCE_SECONDS = 60.0
"""How long a commit is tried while the broker does not answer, before the partition is brought up again."""


def heartbeat_seconds(session_timeout_sec: float) -> float:
    """A quarter of the session at most: one lost heartbeat must not cost the partitions."""
    return min(2.0, session_timeout_sec / 4)


@dataclass(frozen=True, slots=True)
class LaneParts:
    """What the lane is made of: the settings, the workflows, and what follows from them."""

    settings: Settings
    workflows: Workflows
    version: str
    still_member: StillMember

    @property
    def changelog(self) -> str:
        return changelog_topic(self.settings.app_id)

    @property
    def inputs(self) -> tuple[str, ...]:
        return input_topics(self.workflows.agents)

    def open_store(self, partition: int) -> PartitionStore:
        # The app's id is part of the path: another app's rows must never be taken for ours.
        folder = self.settings.data_dir / "correlations" / self.settings.app_id / f"partition-{partition}"
        return PartitionTable(folder, partition)

    def new_writer(self, partition: int) -> Writer:
        settings = self.settings
        configuration = writer_settings(settings)
        transactional = TransactionalWriter(
            configuration,
            f"{settings.app_id}-partition-{partition}",
            self.changelog,
            float(settings.transaction_timeout_sec),
            COMMIT_PATIENCE_SECONDS,
        )
        if settings.guarantee == "exactly_once":
            return transactional
        return AtLeastOnceWriter(
            configuration, transactional, self.changelog, COMMIT_PATIENCE_SECONDS, self.still_member
        )


def build_lane(
    parts: LaneParts,
    observer: LaneObserver,
    *,
    on_work: Callable[[PartitionLane], None],
    on_crash: Callable[[BaseException], None],
) -> Lane:
    settings = parts.settings
    consumer = consumer_settings(settings, settings.app_id)
    context = Context(parts.workflows, float(settings.idempotency_ttl_sec), parts.version)
    return Lane(
        LaneSettings(
            inputs=parts.inputs,
            tick_topic=TICK_TOPIC,
            tick_interval=settings.tick_interval_ms / 1000,
            commit_interval=settings.commit_interval_ms / 1000,
            heartbeat_interval=heartbeat_seconds(settings.session_timeout_sec),
            consumer_configuration=consumer,
            client_configuration=client_settings(settings),
            producer_configuration=producer_settings(settings),
        ),
        intake=Intake(parts.workflows.agents, settings.partitions),
        context=context,
        bring_up=BringUp(
            consumer_configuration=consumer,
            inputs=parts.inputs,
            partition_count=settings.partitions,
            tick_topic=TICK_TOPIC,
            changelog_topic=parts.changelog,
            start=settings.start,
            context=context,
            sink_refused=observer.sink_refused,
        ),
        open_store=parts.open_store,
        new_writer=parts.new_writer,
        observer=observer,
        on_work=on_work,
        on_crash=on_crash,
    )

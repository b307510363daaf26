"""The orchestrator as a Faust application: its services, its lane and the Faust agent that works on it."""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from io import TextIOWrapper
from typing import cast

import faust
from faust.app.base import BootStrategy
from faust.types import StreamT, TransportT
from mode.types import ServiceT
from yarl import URL

from agents.mirror.build import build_mirror, mirror_topics
from agents.mirror.observe import MirrorMetrics
from agents.mirror.service import MirrorService
from agents.orchestrator.build import COMMIT_PATIENCE_SECONDS, LaneParts, build_lane, heartbeat_seconds
from agents.orchestrator.data_folder import claim
from agents.orchestrator.observe import MetricsObserver
from agents.orchestrator.preflight import Preflight
from config.logging import configure_logging, logging_config
from config.metrics import Metrics
from config.settings import Settings
from config.version import orchestrator_version
from config.worker_id import stable_worker_id
from config.workflows.loader import LoadedWorkflows, load_workflows
from streams.faust_credentials import credentials
from streams.lane.bring_up import RefuseToStart
from streams.lane.lane import Lane
from streams.lane.membership import LaneTransport, MemberConsumer
from streams.lane.membership_metadata import Membership
from streams.lane.partition import PartitionLane
from streams.lane.refusals import EssentialSinkRefuses
from streams.lane.work_channel import WorkChannel
from streams.lane.writer import UnknownOutcome
from streams.topics import TopicsRefused, topic_specs
from tables.web.server import WebServer

logger = logging.getLogger(__name__)


class OrchestratorBoot(BootStrategy):
    """Starts the pages first, so that a worker that waits for its broker says so, and checks the topics before Faust joins."""

    def server(self) -> Iterable[ServiceT]:
        app = cast("OrchestratorApp", self.app)
        return self._chain(
            self.sensors(),
            [app.web_server_service, app.preflight],
            # After the preflight, which makes the topics.
            [] if app.mirror is None else [app.mirror],
            self.kafka_producer(),
            self.kafka_consumer(),
            self.agents(),
            self.kafka_conductor(),
            self.tables(),
        )


class OrchestratorApp(faust.App):
    """``lane`` is there once the worker starts; ``settings`` and ``loaded`` from the beginning."""

    BootStrategy = OrchestratorBoot

    settings: Settings
    loaded: LoadedWorkflows
    metrics: Metrics
    observer: MetricsObserver
    parts: LaneParts
    lane: Lane
    preflight: Preflight
    web_server_service: WebServer
    work: WorkChannel
    data_folder: TextIOWrapper | None = None
    running_loop: asyncio.AbstractEventLoop
    refusal: BaseException | None = None
    mirror: MirrorService | None = None
    mirror_observer: MirrorMetrics | None = None

    async def on_first_start(self) -> None:
        self.running_loop = asyncio.get_running_loop()
        self.claim_data_folder()
        await super().on_first_start()

    def claim_data_folder(self) -> None:
        """Raises ConfigurationError where another worker on this machine uses it."""
        if self.data_folder is None:
            self.data_folder = claim(self.settings.data_dir)

    def _new_transport(self) -> TransportT:
        return LaneTransport(self.conf.broker_consumer, self)

    def has_work(self, lane: PartitionLane) -> None:
        """Put a partition on the agent's channel, once until it has been taken."""
        if not lane.queued:
            lane.queued = self.work.offer(lane)

    def still_member(self, partition: int, offsets: Mapping[str, int], membership: Membership) -> bool:
        """Commit as the group's member, from a committing thread; False if the membership is over."""
        consumer = cast(MemberConsumer, self.consumer)
        committing = asyncio.run_coroutine_threadsafe(
            consumer.commit_as_member(partition, offsets, membership), self.running_loop
        )
        try:
            return committing.result(COMMIT_PATIENCE_SECONDS)
        except TimeoutError:
            committing.cancel()
            raise UnknownOutcome("the group's coordinator does not answer") from None

    def nats_health(self) -> str:
        return "off" if self.mirror_observer is None else self.mirror_observer.nats

    def stop_for(self, error: BaseException) -> None:
        """What the worker must not go on after. Nothing of it is committed; the records are read again."""
        if self.refusal is None:
            self.refusal = error
            if isinstance(error, RefuseToStart | EssentialSinkRefuses | TopicsRefused):
                logger.critical("the worker stops: %s", error)
            else:
                logger.critical("the worker stops after an unexpected error", exc_info=error)
            asyncio.get_running_loop().create_task(self.crash(error))


def create_app(settings: Settings, *, with_mirror: bool = False) -> OrchestratorApp:
    """Raises ConfigurationError and WorkflowFileError; talks to no server yet."""
    # Faust installs its own handlers when the worker starts (it is handed ours below); until then, and for structlog, this.
    configure_logging(settings.service_name, settings.log_level, settings.log_format)
    loaded = load_workflows(
        settings.workflows,
        timeout_override=settings.decision_timeout_sec,
        min_agents_override=settings.min_agents_required,
    )
    worker_id = settings.worker_id or stable_worker_id(settings.data_dir)
    app = OrchestratorApp(
        settings.app_id,
        broker=[URL(f"kafka://{address}") for address in settings.kafka_bootstrap_servers.split(",")],
        broker_credentials=credentials(settings),
        broker_session_timeout=float(settings.session_timeout_sec),
        broker_heartbeat_interval=heartbeat_seconds(settings.session_timeout_sec),
        broker_request_timeout=max(30.0, settings.session_timeout_sec + 5.0),
        consumer_group_instance_id=f"{settings.app_id}-{worker_id}",
        datadir=settings.data_dir / "faust",
        web_enabled=False,
        topic_disable_leader=True,
        stream_wait_empty=False,
        logging_config=logging_config(settings.service_name, settings.log_level, settings.log_format),
        autodiscover=False,
    )
    app.settings = settings
    app.loaded = loaded
    app.metrics = Metrics()
    app.metrics.build_info.labels(orchestrator_version(), loaded.workflows.digest_of_all).set(1)
    app.observer = MetricsObserver(app.metrics)
    app.parts = LaneParts(settings, loaded.workflows, orchestrator_version(), app.still_member)
    app.lane = build_lane(app.parts, app.observer, on_work=app.has_work, on_crash=app.stop_for)
    app.observer.watch(app.lane)
    topics = topic_specs(loaded.workflows.agents, loaded.workflows.topics, settings.app_id)
    if with_mirror:
        app.mirror_observer = MirrorMetrics(app.metrics)
        mirror = build_mirror(settings, loaded.workflows, app.mirror_observer)
        app.mirror = MirrorService(mirror, on_crash=app.stop_for)
        topics = mirror_topics(settings, loaded.workflows)
    app.preflight = Preflight(app.lane, app.parts, loaded, topics, on_refused=app.stop_for)
    app.web_server_service = WebServer(
        settings, orchestrator_version(), app.lane, app.preflight, app.metrics, nats=app.nats_health
    )
    app.work = WorkChannel(app)

    @app.agent(app.work, name="correlate")
    async def correlate(lanes: StreamT[PartitionLane]) -> None:
        """Fold what the fetcher delivered: each event is a partition that has records, however many."""
        async for lane in lanes:
            lane.queued = False
            try:
                more = lane.step()
            except Exception as error:  # noqa: BLE001 - whatever it is, going on would skip records
                # Faust would restart the agent and go on with the next event: nothing may be skipped.
                app.stop_for(error)
                return
            if more:
                app.has_work(lane)
            await asyncio.sleep(0)

    return app

"""The mirror as a process of its own."""

import asyncio
import logging
import signal
import sys

from confluent_kafka import KafkaException

from agents.mirror.build import build_mirror, mirror_topics
from agents.mirror.observe import MirrorMetrics
from agents.orchestrator.preflight import RETRY_SECONDS
from agents.orchestrator.run import OK, REFUSED
from config.errors import ConfigurationError
from config.logging import configure_logging
from config.metrics import Metrics
from config.settings import Settings
from config.version import orchestrator_version
from config.workflows.loader import LoadedWorkflows, load_workflows
from streams.clients import client_settings
from streams.mirror.connection import NatsRefused
from streams.mirror.jetstream import JetStreamRefused
from streams.mirror.mirror import Mirror
from streams.mirror.waiting import pause
from streams.topics import TopicsRefused, ensure_topics
from tables.web.server import WebServer

logger = logging.getLogger(__name__)


class MirrorProcess:
    """Pages first, then the topics, then the mirror."""

    # What `/healthz` asks of a lane: a mirror has none, so it is as well as its broker.
    ready = True
    broker_answers = True

    def __init__(self, settings: Settings, loaded: LoadedWorkflows) -> None:
        self.kafka_reached = False
        self._settings = settings
        self._loaded = loaded
        self._metrics = Metrics()
        self._metrics.build_info.labels(orchestrator_version(), loaded.workflows.digest_of_all).set(1)
        self._observer = MirrorMetrics(self._metrics)
        self._mirror: Mirror = build_mirror(settings, loaded.workflows, self._observer)
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Until SIGTERM or SIGINT. Raises TopicsRefused, NatsRefused, JetStreamRefused, ConfigurationError."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.stop)
        web = WebServer(
            self._settings,
            orchestrator_version(),
            self,
            self,
            self._metrics,
            nats=lambda: self._observer.nats,
        )
        await web.start()
        try:
            await self._topics()
            if not self._stopping.is_set():
                await self._mirror.run(refusals_end_it=True)
        finally:
            await web.stop()

    def stop(self) -> None:
        self._stopping.set()
        self._mirror.stop()

    async def _topics(self) -> None:
        settings = self._settings
        while not self._stopping.is_set():
            try:
                for warning in await asyncio.to_thread(
                    ensure_topics,
                    client_settings(settings),
                    mirror_topics(settings, self._loaded.workflows),
                    partitions=settings.partitions,
                    replication=settings.replication_factor,
                    create=settings.create_topics,
                ):
                    logger.warning("topics: %s", warning)
            except KafkaException as exception:
                logger.error(
                    "Kafka does not answer at %s (KAFKA_BOOTSTRAP_SERVERS): %s; trying again in %g s",
                    settings.kafka_bootstrap_servers,
                    exception.args[0].str(),
                    RETRY_SECONDS,
                )
                await pause(self._stopping, RETRY_SECONDS)
            else:
                self.kafka_reached = True
                return


def run_mirror(settings: Settings) -> int:
    """Blocks until the mirror is told to stop; the process's exit status. Raises ConfigurationError."""
    configure_logging(settings.service_name, settings.log_level, settings.log_format)
    loaded = load_workflows(settings.workflows)
    if sys.platform != "win32":
        import uvloop

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    try:
        asyncio.run(_run(settings, loaded))
    except ConfigurationError:
        raise
    except (TopicsRefused, NatsRefused, JetStreamRefused) as refused:
        logger.critical("the mirror does not start: %s", refused)
        return REFUSED
    return OK


async def _run(settings: Settings, loaded: LoadedWorkflows) -> None:
    await MirrorProcess(settings, loaded).run()

"""Before the worker joins the group: is the broker there, are the topics as they have to be?"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any

from confluent_kafka import KafkaException
from mode import Service

from agents.orchestrator.build import LaneParts
from agents.orchestrator.garbage import settle
from config.workflows.loader import LoadedWorkflows
from streams.clients import client_settings
from streams.lane.lane import Lane
from streams.topics import TopicSpec, TopicsRefused, ensure_topics

logger = logging.getLogger(__name__)

RETRY_SECONDS = 2.0


class Preflight(Service):
    """Faust starts its consumer only after this has started."""

    def __init__(
        self,
        lane: Lane,
        parts: LaneParts,
        loaded: LoadedWorkflows,
        topics: Sequence[TopicSpec],
        on_refused: Callable[[BaseException], None],
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.kafka_reached = False
        self._lane = lane
        self._parts = parts
        self._loaded = loaded
        self._topics = topics
        self._on_refused = on_refused

    async def on_start(self) -> None:
        for warning in self._loaded.warnings:
            logger.warning("workflows: %s", warning)
        settings = self._parts.settings
        while not self.should_stop:
            try:
                warnings = await asyncio.to_thread(
                    ensure_topics,
                    client_settings(settings),
                    self._topics,
                    partitions=settings.partitions,
                    replication=settings.replication_factor,
                    create=settings.create_topics,
                )
            except KafkaException as exception:
                logger.error(
                    "Kafka does not answer at %s (KAFKA_BOOTSTRAP_SERVERS): %s; trying again in %g s",
                    settings.kafka_bootstrap_servers,
                    exception.args[0].str(),
                    RETRY_SECONDS,
                )
                await self.sleep(RETRY_SECONDS)
            except TopicsRefused as refused:
                self._on_refused(refused)
                await self.wait_until_stopped()
            else:
                for warning in warnings:
                    logger.warning("topics: %s", warning)
                self.kafka_reached = True
                await self._lane.start(settings.partitions)
                settle()
                return

    async def on_stop(self) -> None:
        if self.kafka_reached:
            await self._lane.stop()

"""The worker's pages: up before recovery is done, in place of Faust's own, which list nothing and ask nobody who they are."""

import logging
import time
from collections.abc import Callable
from typing import Any, Protocol

from aiohttp import web
from mode import Service
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from config.metrics import Metrics
from config.settings import Settings

logger = logging.getLogger(__name__)


class LaneState(Protocol):
    """What health asks of the lane."""

    @property
    def ready(self) -> bool: ...
    @property
    def broker_answers(self) -> bool: ...


class KafkaState(Protocol):
    """Whether the broker has answered."""

    kafka_reached: bool


class WebServer(Service):
    """`/healthz` and `/metrics` on ORCHESTRATOR_WEB_HOST and ORCHESTRATOR_WEB_PORT."""

    def __init__(
        self,
        settings: Settings,
        version: str,
        lane: LaneState,
        kafka: KafkaState,
        metrics: Metrics,
        *,
        nats: Callable[[], str] = lambda: "off",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._nats = nats
        self._settings = settings
        self._version = version
        self._lane = lane
        self._kafka = kafka
        self._metrics = metrics
        self._began = time.monotonic()
        self._runner: web.AppRunner | None = None

    async def on_start(self) -> None:
        application = web.Application()
        application.router.add_get("/healthz", self._health)
        application.router.add_get("/metrics", self._scrape)
        self._runner = web.AppRunner(application, access_log=None)
        await self._runner.setup()
        host, port = self._settings.web_host, self._settings.web_port
        try:
            await web.TCPSite(self._runner, host, port).start()
        except OSError as error:
            # Two workers on one machine need two ports; deciding goes on without pages.
            logger.error(
                "no pages: %s:%d (ORCHESTRATOR_WEB_HOST, ORCHESTRATOR_WEB_PORT): %s",
                host,
                port,
                error.strerror,
            )

    async def on_stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _health(self, _: web.Request) -> web.Response:
        kafka = "ok" if self._kafka.kafka_reached and self._lane.broker_answers else "unreachable"
        recovery = "ok" if self._lane.ready else "recovering"
        healthy = kafka == "ok" and recovery == "ok"
        body = {
            "status": "ok" if healthy else "unavailable",
            "service": self._settings.service_name,
            "version": self._version,
            "uptime_seconds": round(time.monotonic() - self._began, 3),
            "checks": {"kafka": kafka, "recovery": recovery, "nats": self._nats()},
        }
        return web.json_response(body, status=200 if healthy else 503)

    async def _scrape(self, _: web.Request) -> web.Response:
        return web.Response(
            body=generate_latest(self._metrics.registry), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )

"""The demo from the first server to the last number, with everything that it starts stopped again."""

import os
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from agents.demo.numbers import Numbers
from agents.demo.observe import Observer
from agents.demo.play import Played, Player
from agents.demo.services import Service, healthy, says
from agents.demo.signals import PlayedBar
from agents.demo.surroundings import local_kafka
from agents.trading.reference import AGENTS, READY
from config.settings import Settings, load_settings
from streams.stack.ports import free_ports

WORKER_DATA = "worker-data"
TIMEOUT_SECONDS = 4.0
QUIET_SECONDS = 10.0
"""More than the timeout and a tick: nothing for so long means that nothing comes any more."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """``missing``: the kinds of outcome that a whole play must show and this one did not."""

    numbers: Numbers
    played: Played
    missing: list[str]


class Demo:
    """Kafka, worker and trading agents, up from the entry of the ``with`` block to its end.

    ``folder`` gets the logs and what came out. ``say`` is told each step.
    """

    def __init__(self, run: str, folder: Path, say: Callable[[str], None]) -> None:
        self._run = run
        self._folder = folder
        self._say = say
        self._open = ExitStack()
        self._settings: Settings
        self._services: list[Service] = []
        self.page = ""

    def __enter__(self) -> "Demo":
        with ExitStack() as opening:
            self._say("Starting Kafka …")
            kafka = opening.enter_context(local_kafka())
            environment = self._environment(kafka)
            # What the worker remembers is worth nothing without its Kafka; logs and results stay.
            opening.callback(shutil.rmtree, self._folder / WORKER_DATA, ignore_errors=True)
            self._settings = load_settings({**os.environ, **environment})
            self._say("Starting the worker and the trading agents momentum, risk and correlation …")
            worker = self._start(opening, "worker", ("worker",), environment)
            agents = [
                self._start(opening, f"agent-{name}", ("agent", name), environment) for name in sorted(AGENTS)
            ]
            # It makes the topics, for which the agents wait.
            worker.wait_until(healthy(f"{self.page}healthz"))
            for agent in agents:
                agent.wait_until(says(READY))
            # Only what came up whole stays up.
            self._open = opening.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._say("Stopping …")
        self._open.close()

    def play(self, bars: list[PlayedBar], rate: float, advance: Callable[[], None]) -> Outcome:
        """Plays, waits until all is decided and quiet, and counts. Raises ServiceFailed where a process ended meanwhile."""
        observer = Observer(self._settings, self._run, self._folder)
        player = Player(self._settings, self._run, TIMEOUT_SECONDS, self._settings.partitions)
        played = player.play(bars, advance, rate)
        for service in self._services:
            service.check()
        numbers = observer.observe(played.corr_ids, QUIET_SECONDS)
        return Outcome(numbers, played, numbers.missing())

    def _start(
        self, opening: ExitStack, name: str, arguments: tuple[str, ...], environment: dict[str, str]
    ) -> Service:
        service = Service(name, arguments, environment, self._folder)
        opening.callback(service.end)
        self._services.append(service)
        return service

    def _environment(self, bootstrap_servers: str) -> dict[str, str]:
        (port,) = free_ports(1)
        self.page = f"http://127.0.0.1:{port}/"
        return {
            "KAFKA_BOOTSTRAP_SERVERS": bootstrap_servers,
            "KAFKA_SECURITY_PROTOCOL": "PLAINTEXT",
            "DECISION_TIMEOUT_SEC": f"{TIMEOUT_SECONDS:g}",
            "ORCHESTRATOR_DATA_DIR": str(self._folder / WORKER_DATA),
            "ORCHESTRATOR_WEB_HOST": "127.0.0.1",
            "ORCHESTRATOR_WEB_PORT": str(port),
            "LOG_FORMAT": "json",
        }

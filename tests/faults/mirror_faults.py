"""NATS, Kafka and mirrors die while signals flow: `python -m tests.faults.mirror_faults` in full size."""

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import nats

from streams.stack.kafka_server import KafkaServer
from streams.stack.kafka_settings import QUICK_RESTART
from streams.stack.nats_server import NatsServer
from tests.faults.mirror_ledger import MirrorLedger, Verdict
from tests.faults.mirror_load import DECISION, ORDER, MirrorLoad
from tests.real.mirrored import mirror_process, names_of_our_own
from tests.real.nats_proxy import NatsProxy
from tests.real.orchestrator import Orchestrator, orchestrator_on
from tests.real.outputs import Outputs
from tests.real.worker_metrics import samples
from tests.real.worker_process import Worker, eventually

SETTLE_SECONDS = 240.0
HOLD_SECONDS = 4.0
"""Less than a mirror waits for the answer to an acknowledgement: then it makes a new connection."""
CARRIED = ("orchestrator_mirror_messages_total", ("in",))


@dataclass(frozen=True, slots=True)
class Plan:
    """How often what happens. ``kills_between`` are those between Kafka's acknowledgement and NATS's."""

    nats_kills: int
    nats_pauses: int
    broker_restarts: int
    mirror_kills: int
    kills_between: int
    seed: int = 1

    def actions(self) -> list[str]:
        made = (
            ["nats_kill"] * self.nats_kills
            + ["nats_pause"] * self.nats_pauses
            + ["broker_restart"] * self.broker_restarts
            + ["mirror_kill"] * (self.mirror_kills - self.kills_between)
            + ["mirror_kill_between"] * self.kills_between
        )
        random.Random(self.seed).shuffle(made)
        return made


QUICK = Plan(nats_kills=2, nats_pauses=1, broker_restarts=0, mirror_kills=3, kills_between=1)
FULL = Plan(nats_kills=10, nats_pauses=2, broker_restarts=2, mirror_kills=20, kills_between=5)


class Faults:
    """One worker and two mirrors on servers of their own. Mirrors reach NATS through a proxy, which can hold their words."""

    def __init__(
        self, kafka: KafkaServer, server: NatsServer, orchestrator: Orchestrator, folder: Path
    ) -> None:
        self._kafka = kafka
        self._server = server
        self._orchestrator = orchestrator
        self._folder = folder
        self._names = names_of_our_own()
        self.ledger = MirrorLedger()
        self.done: list[str] = []
        self.say: Callable[[str], None] = lambda _: None

    async def run(self, plan: Plan, pause_seconds: float) -> Verdict:
        self._inputs = Outputs(self._orchestrator.broker, self._orchestrator.inputs)
        await asyncio.to_thread(self._orchestrator.start)
        async with NatsProxy(self._server.port) as self._proxy:
            environment = self._orchestrator.environment | self._names | {"NATS_URL": self._proxy.url}
            self._mirrors = [mirror_process(self._folder, name, environment) for name in ("one", "two")]
            try:
                for mirror in self._mirrors:
                    await asyncio.to_thread(mirror.start)
                    assert await asyncio.to_thread(_is_connected, mirror)
                load = MirrorLoad(self._orchestrator, self._server.url, self.ledger, pause_seconds)
                enough = asyncio.Event()
                running = asyncio.create_task(load.run(enough))
                for action in plan.actions():
                    began = time.monotonic()
                    await getattr(self, f"_{action}")()
                    self.done.append(action)
                    self.say(f"{action} ({time.monotonic() - began:.1f} s), {load.sent} correlations sent")
                    await asyncio.sleep(1.0)
                enough.set()
                await running
                return await self._settled()
            finally:
                for mirror in self._mirrors:
                    mirror.close()
                self._inputs.close()

    # -- what happens -------------------------------------------------------------------------------------------------

    async def _nats_kill(self) -> None:
        self._server.kill()
        await asyncio.sleep(0.3)
        await asyncio.to_thread(self._server.start)

    async def _nats_pause(self) -> None:
        self._server.pause()
        await asyncio.sleep(8.0)
        self._server.resume()

    async def _broker_restart(self) -> None:
        await asyncio.to_thread(self._kafka.restart)

    async def _mirror_kill(self) -> None:
        await self._restart(self._mirrors[len(self.done) % 2])

    async def _mirror_kill_between(self) -> None:
        """Its acknowledgements are held; killed when it has told of another message that Kafka has."""
        while True:
            await self._up()
            counts = await asyncio.to_thread(lambda: [self._carried(mirror) for mirror in self._mirrors])
            self._proxy.holding = True
            if await asyncio.to_thread(eventually, partial(self._has_carried, counts), HOLD_SECONDS):
                break
            # Each was waiting for the answer to an acknowledgement when it was held: nothing more came to it.
            self._proxy.holding = False
        for mirror in self._mirrors:
            # Both have been held: what either was told by Kafka, NATS has not heard.
            mirror.kill()
        self._proxy.holding = False
        for mirror in self._mirrors:
            await asyncio.to_thread(mirror.start)

    def _has_carried(self, counts: list[float]) -> bool:
        """Whether one of them has told of more than that."""
        return any(self._carried(mirror) > count for mirror, count in zip(self._mirrors, counts, strict=True))

    async def _restart(self, mirror: Worker) -> None:
        mirror.kill()
        await asyncio.to_thread(mirror.start)

    async def _up(self) -> None:
        """Both are connected, and messages flow."""
        for mirror in self._mirrors:
            assert await asyncio.to_thread(_is_connected, mirror)
        before = await asyncio.to_thread(lambda: sum(self._carried(mirror) for mirror in self._mirrors))
        assert await asyncio.to_thread(
            eventually, lambda: sum(self._carried(mirror) for mirror in self._mirrors) > before
        )

    @staticmethod
    def _carried(mirror: Worker) -> float:
        try:
            return samples(mirror).get(CARRIED, 0.0)
        except OSError:
            return 0.0

    # -- what came of it ----------------------------------------------------------------------------------------------

    async def _settled(self) -> Verdict:
        expected = self.ledger.expected_at(f"nats:{DECISION}")
        outputs = self._orchestrator.outputs
        await asyncio.to_thread(outputs.wait_for, DECISION, expected, 1, SETTLE_SECONDS)
        in_nats = {subject: await self._stored(subject, set(expected)) for subject in (DECISION, ORDER)}
        await asyncio.to_thread(outputs.drain)
        await asyncio.to_thread(self._inputs.drain)
        for subject, corr_ids in in_nats.items():
            self.ledger.arrive(f"nats:{subject}", corr_ids)
            self.ledger.arrive(
                f"kafka:{subject}", [(record.key or b"").decode() for record in outputs.of_topic(subject)]
            )
        for topic in self._orchestrator.inputs:
            records = self._inputs.of_topic(topic)
            self.ledger.arrive(f"kafka:{topic}", [(record.key or b"").decode() for record in records])
        return self.ledger.verdict()

    async def _stored(self, subject: str, expected: set[str]) -> list[str]:
        """Corr_ids of what the stream has, once it has all that is expected and nothing more comes for a moment."""
        client = await nats.connect(self._server.url)
        try:
            reader = await client.jetstream().pull_subscribe(subject, stream=self._names["NATS_STREAM"])
            found: list[str] = []
            deadline = time.monotonic() + SETTLE_SECONDS
            while True:
                try:
                    messages = await reader.fetch(500, timeout=2)
                except TimeoutError:
                    if expected <= set(found) or time.monotonic() > deadline:
                        return found
                    continue
                for message in messages:
                    found.append(json.loads(message.data)["corr_id"])
                    await message.ack()
        finally:
            await client.close()


def _is_connected(mirror: Worker) -> bool:
    return eventually(lambda: mirror.nats_health() == "ok")


async def run_faults(
    plan: Plan, pause_seconds: float, say: Callable[[str], None]
) -> tuple[Verdict, list[str]]:
    """Whether anything was lost or doubled, and what was done."""
    with (
        KafkaServer(properties=QUICK_RESTART) as kafka,
        NatsServer() as server,
        tempfile.TemporaryDirectory() as folder,
        orchestrator_on(kafka.bootstrap_servers, Path(folder)) as orchestrator,
    ):
        faults = Faults(kafka, server, orchestrator, Path(folder))
        faults.say = say
        verdict = await faults.run(plan, pause_seconds)
        return verdict, faults.done


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of it, as the tests do")
    parser.add_argument(
        "--pause", type=float, default=0.05, help="seconds between two correlations of each kind"
    )
    arguments = parser.parse_args()
    plan = QUICK if arguments.quick else FULL

    def say(text: str) -> None:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    verdict, done = asyncio.run(run_faults(plan, arguments.pause, say))
    say(f"{len(done)} faults; lost {verdict.lost}; doubled {verdict.doubled}")
    return 0 if verdict.clean else 1


if __name__ == "__main__":
    sys.exit(main())

"""Load while faults happen: complete correlations, half of them by NATS and half by Kafka, each sent until acknowledged."""

import asyncio
import contextlib
import itertools

import nats
import nats.errors
from nats.aio.client import Client
from nats.js.errors import APIError, NoStreamResponseError

from orchestration.canonical import canonical_json
from tests.faults.mirror_ledger import MirrorLedger
from tests.real.orchestrator import Orchestrator
from tests.real.signal_sets import bodies, topic_of

DECISION, ORDER = "orchestrated.decision", "execution.order"
OUTPUTS = (f"kafka:{DECISION}", f"nats:{DECISION}", f"kafka:{ORDER}", f"nats:{ORDER}")
_AGAIN_SECONDS = 0.3
_NOT_TAKEN = (nats.errors.Error, NoStreamResponseError, APIError, OSError, TimeoutError)


class MirrorLoad:
    """``pause_seconds`` between two correlations of each kind."""

    def __init__(
        self, orchestrator: Orchestrator, nats_url: str, ledger: MirrorLedger, pause_seconds: float
    ) -> None:
        self._orchestrator = orchestrator
        self._nats_url = nats_url
        self._ledger = ledger
        self._pause = pause_seconds
        self.sent = 0

    async def run(self, enough: asyncio.Event) -> None:
        """Until ``enough``, and until the last is acknowledged."""
        client = Client()

        async def quiet(_: Exception) -> None:
            return

        await client.connect(
            self._nats_url,
            max_reconnect_attempts=-1,
            reconnect_time_wait=1,
            error_cb=quiet,
            ping_interval=2,
        )
        try:
            async with asyncio.TaskGroup() as tasks:
                for number in itertools.count():
                    tasks.create_task(self._by_nats(client, f"nats-{number}"))
                    self._by_kafka(f"kafka-{number}")
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(self._pause):
                            await enough.wait()
                    if enough.is_set():
                        break
            await asyncio.to_thread(self._orchestrator.traffic.flush)
        finally:
            await client.close()

    async def _by_nats(self, client: Client, corr_id: str) -> None:
        signals = bodies(corr_id)
        for agent, body in signals.items():
            subject = topic_of(agent)
            # The stream knows a repeat by its id, so a publisher may try until it is told.
            headers = {"Nats-Msg-Id": f"{corr_id}/{agent}"}
            while True:
                try:
                    await client.jetstream().publish(
                        subject, canonical_json(body), timeout=2, headers=headers
                    )
                    break
                except _NOT_TAKEN:
                    await asyncio.sleep(_AGAIN_SECONDS)
        self._ledger.expect(corr_id, [*OUTPUTS, *(f"kafka:{topic_of(agent)}" for agent in signals)])
        self.sent += 1

    def _by_kafka(self, corr_id: str) -> None:
        # In the log before anybody asks: ``flush`` waits for each, and raises where one was refused.
        self._orchestrator.traffic.send_all(bodies(corr_id))
        self._ledger.expect(corr_id, OUTPUTS)
        self.sent += 1

"""Agents and executors that know NATS alone, and an orchestrator on Kafka: the whole way and back."""

import asyncio
from pathlib import Path

from streams.stack.nats_server import NatsServer
from tests.real.conftest import MakeOrchestrator
from tests.real.mirrored import (
    WORKER_WITH_MIRROR_COMMAND,
    mirror_process,
    names_of_our_own,
    nats_side,
)
from tests.real.signal_sets import bodies, topic_of
from tests.real.worker_process import Worker, eventually

OUTPUTS = ("orchestrated.decision", "execution.order")


async def test_an_agent_on_nats_is_heard_and_a_subscriber_on_nats_gets_decision_and_order(
    make_orchestrator: MakeOrchestrator, fresh_nats: NatsServer, tmp_path: Path
) -> None:
    orchestrator = make_orchestrator()
    orchestrator.empty_outputs()
    environment = orchestrator.environment | names_of_our_own() | {"NATS_URL": fresh_nats.url}
    orchestrator.start()
    mirror = mirror_process(tmp_path, "a", environment)
    try:
        mirror.start()
        async with nats_side(fresh_nats.url) as side:
            assert eventually(lambda: mirror.nats_health() == "ok")
            await side.listen(*OUTPUTS)
            corr_ids = [f"flow-{number}" for number in range(20)]
            for corr_id in corr_ids:
                for agent, body in bodies(corr_id).items():
                    await side.publish(topic_of(agent), body)
            for subject in OUTPUTS:
                await side.wait_for(subject, corr_ids)
            decisions = {body["corr_id"]: body for body in side.bodies("orchestrated.decision")}
            orders = side.bodies("execution.order")
    finally:
        mirror.close()
    assert sorted(decisions) == sorted(corr_ids)
    assert all(decision["action"] == "trade" for decision in decisions.values())
    assert sorted(order["decision_id"] for order in orders) == sorted(
        decision["decision_id"] for decision in decisions.values()
    )


async def test_a_worker_with_its_mirror_decides_while_nats_is_away_and_carries_when_it_comes(
    make_orchestrator: MakeOrchestrator, fresh_nats: NatsServer, tmp_path: Path
) -> None:
    orchestrator = make_orchestrator()
    orchestrator.empty_outputs()
    url = fresh_nats.url
    fresh_nats.stop()
    environment = orchestrator.environment | names_of_our_own() | {"NATS_URL": url}
    worker = Worker(tmp_path / "both", tmp_path / "both.log", environment, WORKER_WITH_MIRROR_COMMAND)
    try:
        await asyncio.to_thread(worker.start)
        await asyncio.to_thread(orchestrator.decide, "without-nats")
        assert (worker.health(), worker.nats_health()) == (200, "degraded")
        fresh_nats.start()
        assert await asyncio.to_thread(eventually, lambda: worker.nats_health() == "ok")
        async with nats_side(url) as side:
            await side.listen(*OUTPUTS)
            for agent, body in bodies("with-nats").items():
                await side.publish(topic_of(agent), body)
            for subject in OUTPUTS:
                await side.wait_for(subject, ["with-nats"])
        assert await asyncio.to_thread(worker.stop) == 0
    finally:
        worker.close()

"""From Kafka to NATS: each record once, in order for each corr_id, with an id that says which it is."""

import asyncio
import json
from pathlib import Path
from typing import Any

from confluent_kafka import Producer
from nats.aio.msg import Msg

from orchestration.partitioning import partition_of
from streams.mirror.client import MirrorClient, pairs_of
from streams.stack.nats_server import NatsServer
from tests.real.broker import QUIET
from tests.real.conftest import MakeOrchestrator
from tests.real.mirrored import NatsSide, mirror_process, names_of_our_own, nats_side
from tests.real.orchestrator import PARTITIONS
from tests.real.outputs import Outputs
from tests.real.signal_sets import normalized
from tests.real.worker_process import eventually

DECISION, LATE, NORMALIZED, DEAD = (
    "orchestrated.decision",
    "signals.late",
    "signals.normalized",
    "dlq.signals.enriched.risk",
)
MEBIBYTE = 1024 * 1024


def decision(corr_id: str, number: int) -> dict[str, object]:
    return {"corr_id": corr_id, "number": number}


def headers(corr_id: str, decision_id: str) -> list[tuple[str, bytes]]:
    return [("corr_id", corr_id.encode()), ("decision_id", decision_id.encode()), ("source", b"orchestrator")]


async def test_what_is_written_to_output_topics_arrives_once_in_order_and_with_its_headers(
    make_orchestrator: MakeOrchestrator, fresh_nats: NatsServer, tmp_path: Path
) -> None:
    orchestrator = make_orchestrator()
    orchestrator.empty_outputs()
    names = names_of_our_own()
    environment = orchestrator.environment | names | {"NATS_URL": fresh_nats.url}
    mirror = mirror_process(tmp_path, "a", environment)
    traffic = orchestrator.traffic
    mark = names["NATS_STREAM"]
    one, two = f"one-{mark}", f"two-{mark}"
    client = MirrorClient()
    await client.connect(fresh_nats.url)
    try:
        side = NatsSide(client)
        await asyncio.to_thread(mirror.start)
        assert eventually(lambda: mirror.nats_health() == "ok")
        await side.listen(DECISION, LATE, NORMALIZED, DEAD)
        for number in range(300):
            corr_id = (one, two)[number % 2]
            traffic.send(DECISION, decision(corr_id, number), headers=headers(corr_id, f"{mark}-{number}"))
        # A repeat of a decision, as an at-least-once worker may write it, and late signals of one decision.
        traffic.send(DECISION, decision(one, 0), headers=headers(one, f"{mark}-0"))
        for number in range(3):
            traffic.send(LATE, decision(one, number), headers=headers(one, f"{mark}-0"))
        # A decision that NATS would not take, and headers that are no headers there.
        large = decision(two, 300) | {"text": "x" * (MEBIBYTE + 1000)}
        odd = [
            ("late_reason", b"one\r\nInjected: yes"),
            ("late_topic", b"\xff"),
            ("baggage", b"a"),
            ("baggage", b"b"),
        ]
        traffic.send(DECISION, large, headers=[*headers(two, f"{mark}-300"), *odd])
        # One that the gateway wrote, one that came from NATS, and the dead letter of such a one.
        traffic.send(NORMALIZED, normalized(one))
        origin = [("nats_stream", b"s"), ("nats_sequence", b"1")]
        traffic.send(NORMALIZED, normalized(two), headers=origin)
        traffic.send(DEAD, {"corr_id": two}, headers=[*origin, ("dlq_reason", b"no_corr_id")])
        _aborted(orchestrator.broker.bootstrap_servers, f"aborted-{mark}")
        traffic.send(DECISION, decision(one, 301), headers=headers(one, f"{mark}-301"))
        traffic.send(DECISION, decision(two, 302), headers=headers(two, f"{mark}-302"))
        await asyncio.to_thread(traffic.flush)
        await side.wait_until(lambda: _all_here(side, one, two))
        stored = await _stored(side, mark, {one, two})
        dead_letters = [body for body in side.bodies(DEAD) if body["corr_id"] == two]
        seen = [body["corr_id"] for body in side.bodies(NORMALIZED)]
        assert await asyncio.to_thread(mirror.stop) == 0
    finally:
        mirror.close()
        await client.close()

    numbers = {
        corr_id: [b["number"] for b in _of(side, DECISION, corr_id) if "number" in b]
        for corr_id in (one, two)
    }
    # A plain subscriber sees a repeat that the stream has recognised; the stream itself has it once.
    assert [n for n in numbers[one] if n != 0] == [*range(2, 300, 2), 301]
    assert numbers[two] == [*range(1, 300, 2), 302]
    assert stored == 303
    (pointer,) = [body for body in _of(side, DECISION, two) if "offset" in body]
    assert pointer["topic"] == DECISION
    assert pointer["partition"] == partition_of(two.encode(), PARTITIONS)
    assert pointer["bytes"] > MEBIBYTE
    assert [body["number"] for body in _of(side, LATE, one)] == [0, 1, 2]
    assert [corr_id for corr_id in seen if corr_id in {one, two}] == [one]
    assert len(dead_letters) == 1
    assert [body for body in side.bodies(DECISION) if body["corr_id"] == f"aborted-{mark}"] == []
    first = next(message for message in side.of(DECISION) if json.loads(message.data) == decision(two, 1))
    carried = dict(pairs_of(first.headers))
    assert carried["Nats-Msg-Id"] == f"{mark}-1/{DECISION}".encode()
    assert (carried["corr_id"], carried["source"]) == (two.encode(), b"orchestrator")
    assert carried["kafka_topic"] == DECISION.encode()
    late = next(message for message in side.of(LATE) if json.loads(message.data)["corr_id"] == one)
    assert dict(pairs_of(late.headers))["Nats-Msg-Id"].startswith(f"{LATE}/".encode())


async def test_what_a_gateway_wrote_to_kafka_reaches_nats_and_is_not_read_in_again(
    make_orchestrator: MakeOrchestrator, fresh_nats: NatsServer, tmp_path: Path
) -> None:
    orchestrator = make_orchestrator()
    orchestrator.empty_outputs()
    environment = orchestrator.environment | names_of_our_own() | {"NATS_URL": fresh_nats.url}
    mirror = mirror_process(tmp_path, "a", environment)
    arrived = Outputs(orchestrator.broker, [NORMALIZED])
    try:
        async with nats_side(fresh_nats.url) as side:
            await side.listen(NORMALIZED)
            await asyncio.to_thread(mirror.start)
            orchestrator.traffic.send(NORMALIZED, normalized("by-kafka"))
            orchestrator.traffic.flush()
            await side.wait_for(NORMALIZED, ["by-kafka"])
            # On the same subject, so behind it.
            await side.publish(NORMALIZED, normalized("by-nats"))
            await asyncio.to_thread(arrived.wait_for, NORMALIZED, ["by-nats"])
            # And behind what a mirror that reads its own would have written.
            await side.publish(NORMALIZED, normalized("last"))
            await asyncio.to_thread(arrived.wait_for, NORMALIZED, ["last"])
            arrived.drain()
            orchestrator.traffic.send(NORMALIZED, normalized("last-by-kafka"))
            orchestrator.traffic.flush()
            await side.wait_for(NORMALIZED, ["last-by-kafka"])
        bodies = [body["corr_id"] for body in side.bodies(NORMALIZED)]
    finally:
        mirror.close()
        arrived.close()
    assert bodies == ["by-kafka", "by-nats", "last", "last-by-kafka"]
    assert [len(arrived.of(NORMALIZED, name)) for name in ("by-kafka", "by-nats", "last")] == [1, 1, 1]


def _all_here(side: NatsSide, one: str, two: str) -> bool:
    last = {body["corr_id"]: body.get("number") for body in side.bodies(DECISION)}
    return (
        (last.get(one), last.get(two)) == (301, 302)
        and len(_of(side, LATE, one)) == 3
        and bool(side.of(DEAD))
    )


def _of(side: NatsSide, subject: str, corr_id: str) -> list[dict[str, Any]]:
    return [body for body in side.bodies(subject) if body["corr_id"] == corr_id]


async def _stored(side: NatsSide, stream: str, corr_ids: set[str]) -> int:
    """Decisions of these in the stream itself, read to its end."""
    info = await side.context.stream_info(stream, subjects_filter=DECISION)
    assert info.state.subjects is not None
    reader = await side.context.pull_subscribe(DECISION, stream=stream)
    found: list[Msg] = []
    while len(found) < info.state.subjects[DECISION]:
        found += await reader.fetch(500, timeout=10)
    return sum(json.loads(message.data)["corr_id"] in corr_ids for message in found)


def _aborted(bootstrap_servers: str, corr_id: str) -> None:
    producer = Producer(QUIET | {"bootstrap.servers": bootstrap_servers, "transactional.id": corr_id})
    producer.init_transactions(60)
    producer.begin_transaction()
    producer.produce(DECISION, json.dumps({"corr_id": corr_id}).encode(), corr_id.encode())
    producer.flush(60)
    producer.abort_transaction(60)

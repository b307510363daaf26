"""From NATS into Kafka: each message once, on its partition, with its headers; what cannot be carried is told."""

import asyncio
import json
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestration.partitioning import partition_of
from orchestration.record import LogRecord
from streams.mirror.client import SentHeaders
from streams.mirror.jetstream import STREAM_SUBJECTS, durable_of
from streams.stack.nats_server import NatsServer
from tests.real.conftest import MakeOrchestrator
from tests.real.mirrored import PATIENCE_SECONDS, NatsSide, mirror_process, names_of_our_own, nats_side
from tests.real.nats_proxy import NatsProxy
from tests.real.orchestrator import PARTITIONS, Orchestrator
from tests.real.outputs import Outputs
from tests.real.signal_sets import enriched, normalized, topic_of
from tests.real.worker_metrics import samples
from tests.real.worker_process import Worker, eventually

RISK = topic_of("risk")
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Mirrored:
    """An orchestrator's topics without a worker, a NATS, and mirrors between them."""

    def __init__(self, orchestrator: Orchestrator, server: NatsServer, folder: Path) -> None:
        self.orchestrator = orchestrator
        self.server = server
        self.names = names_of_our_own()
        self.environment = orchestrator.environment | self.names | {"NATS_URL": server.url}
        self.arrived = Outputs(orchestrator.broker, orchestrator.inputs)
        self._folder = folder
        self._mirrors: list[Worker] = []

    def mirror(self, name: str, **environment: str) -> Worker:
        made = mirror_process(self._folder, name, self.environment | environment)
        self._mirrors.append(made)
        return made

    def start(self, name: str = "a", **environment: str) -> Worker:
        mirror = self.mirror(name, **environment).start()
        assert eventually(lambda: mirror.nats_health() == "ok")
        return mirror

    def records(self, topic: str, *corr_ids: str) -> list[LogRecord]:
        """All of them, once there is one of each corr_id and whatever else is in the log has been read."""
        self.arrived.wait_for(topic, corr_ids)
        self.arrived.drain()
        return [record for corr_id in corr_ids for record in self.arrived.of(topic, corr_id)]

    async def prepare(self, side: NatsSide, subject: str, ack_wait: float) -> None:
        """Stream and consumer as an operator may make them: here one that delivers again soon."""
        stream = self.names["NATS_STREAM"]
        await side.context.add_stream(name=stream, subjects=list(STREAM_SUBJECTS))
        durable = durable_of(self.names["NATS_DURABLE"], subject)
        await side.context.add_consumer(
            stream, durable_name=durable, filter_subject=subject, ack_wait=ack_wait, max_deliver=-1
        )

    async def unacknowledged(self, side: NatsSide, subject: str) -> int:
        durable = durable_of(self.names["NATS_DURABLE"], subject)
        info = await side.context.consumer_info(self.names["NATS_STREAM"], durable)
        return (info.num_ack_pending or 0) + (info.num_pending or 0)

    async def all_acknowledged(self, side: NatsSide, subject: str) -> None:
        """Returns when the consumer has heard of everything. Nobody tells: it is asked."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            left = await self.unacknowledged(side, subject)
            if not left:
                return
            assert time.monotonic() < deadline, f"{left} messages of {subject} are not acknowledged"
            await asyncio.sleep(0.05)

    def close(self) -> None:
        for mirror in self._mirrors:
            mirror.close()
        self.arrived.close()


@pytest.fixture
def mirrored(
    make_orchestrator: MakeOrchestrator, fresh_nats: NatsServer, tmp_path: Path
) -> Iterator[Mirrored]:
    made = Mirrored(make_orchestrator(), fresh_nats, tmp_path)
    yield made
    made.close()


def carried_in(mirror: Worker) -> float:
    return samples(mirror)["orchestrator_mirror_messages_total", ("in",)]


def values_of(record: LogRecord, name: str) -> list[bytes]:
    return [value for key, value in record.headers if key == name]


async def test_a_message_becomes_one_record_with_its_key_partition_and_headers_or_a_dead_letter(
    mirrored: Mirrored,
) -> None:
    mirror = mirrored.start()
    async with nats_side(mirrored.server.url) as side:
        # Several values of one header, one that is not on the list, one of NATS's own, and one that claims to be ours.
        headers = SentHeaders(
            [
                ("traceparent", TRACE),
                ("baggage", "a=1"),
                ("baggage", "b=2"),
                ("x-internal", "no"),
                ("Nats-Msg-Id", "one"),
                ("nats_sequence", "999"),
            ]
        )
        sent = await side.context.publish(RISK, json.dumps(enriched("risk", "all")).encode(), headers=headers)
        await side.publish(RISK, {"analysis": {}}, corr_id="from-header")
        await side.publish(RISK, b"not json", corr_id="judged-later")
        for poison in (b"not json", b'{"corr_id": "has spaces"}', b'{"analysis": {}}', b""):
            await side.publish(RISK, poison)
        await side.publish(RISK, enriched("risk", "behind"))

        every, header, judged, _ = mirrored.records(RISK, "all", "from-header", "judged-later", "behind")
        dead = Outputs(mirrored.orchestrator.broker, [f"dlq.{RISK}"], from_start=True)
        dead.drain()
        letters = [
            letter
            for letter in dead.of_topic(f"dlq.{RISK}")
            if (b"nats_stream" in b"".join(name.encode() for name, _ in letter.headers))
            and dict(letter.headers)["nats_stream"] == mirrored.names["NATS_STREAM"].encode()
        ]
        dead.close()
        await mirrored.all_acknowledged(side, RISK)
    assert every.partition == partition_of(b"all", PARTITIONS)
    assert json.loads(every.value or b"") == enriched("risk", "all")
    assert values_of(every, "traceparent") == [TRACE.encode()]
    assert values_of(every, "baggage") == [b"a=1", b"b=2"]
    assert values_of(every, "nats_stream") == [mirrored.names["NATS_STREAM"].encode()]
    assert values_of(every, "nats_sequence") == [str(sent.seq).encode()]
    assert values_of(every, "nats_time")[0].startswith(b"20")
    assert {name for name, _ in every.headers} & {"x-internal", "Nats-Msg-Id"} == set()
    assert (header.key, judged.key, judged.value) == (b"from-header", b"judged-later", b"not json")
    assert sorted((dict(letter.headers)["dlq_reason"], letter.value) for letter in letters) == [
        (b"no_corr_id", b'{"analysis": {}}'),
        (b"no_corr_id", b'{"corr_id": "has spaces"}'),
        (b"not_decodable", b""),
        (b"not_decodable", b"not json"),
    ]
    assert carried_in(mirror) == 4


async def test_what_kafka_has_and_nats_was_not_told_of_is_delivered_again_and_written_once(
    mirrored: Mirrored,
) -> None:
    """Kills between Kafka's acknowledgement and NATS's: the acknowledgements are kept on their way."""
    async with NatsProxy(mirrored.server.port) as proxy, nats_side(mirrored.server.url) as side:
        await mirrored.prepare(side, RISK, ack_wait=1.0)
        corr_ids = [f"kill-{number}" for number in range(2)]
        mirror = mirrored.mirror("a", NATS_URL=proxy.url)
        for corr_id in corr_ids:
            await asyncio.to_thread(mirror.start)
            await side.publish(RISK, enriched("risk", f"before-{corr_id}"))
            await asyncio.to_thread(mirrored.records, RISK, f"before-{corr_id}")
            proxy.holding = True
            await side.publish(RISK, enriched("risk", corr_id))
            await asyncio.to_thread(mirrored.records, RISK, corr_id)
            assert await mirrored.unacknowledged(side, RISK) >= 1
            await asyncio.to_thread(mirror.kill)
            proxy.holding = False
        await asyncio.to_thread(mirror.start)
        await side.publish(RISK, enriched("risk", "last"))
        records = await asyncio.to_thread(mirrored.records, RISK, *corr_ids, "last")
        await mirrored.all_acknowledged(side, RISK)
        mirrored.arrived.drain()
        repeats = samples(mirror)["orchestrator_mirror_skipped_total", ("in", "duplicate")]
    assert repeats >= 1
    assert [record.key for record in records] == [corr_id.encode() for corr_id in (*corr_ids, "last")]
    assert [len(mirrored.arrived.of(RISK, corr_id)) for corr_id in corr_ids] == [1] * len(corr_ids)


async def test_mirrors_share_the_subjects_and_one_dying_stops_nothing(mirrored: Mirrored) -> None:
    first = await asyncio.to_thread(mirrored.start, "first")
    second = await asyncio.to_thread(mirrored.start, "second")
    agents = ("momentum", "risk", "correlation", "sentiment", "macro")
    async with nats_side(mirrored.server.url) as side:

        async def send(name: str) -> None:
            await side.publish(topic_of("normalized"), normalized(name))
            for agent in agents:
                await side.publish(topic_of(agent), enriched(agent, name))
            for agent in ("normalized", *agents):
                await asyncio.to_thread(mirrored.records, topic_of(agent), name)

        number = 0
        while not all(carried_in(mirror) for mirror in (first, second)):
            # Until the group has shared the subjects out.
            await send(f"shared-{number}")
            number += 1
        second.kill()
        await send("after")
    mirrored.arrived.drain()
    for agent in ("normalized", *agents):
        for name in (*(f"shared-{each}" for each in range(number)), "after"):
            assert len(mirrored.arrived.of(topic_of(agent), name)) == 1


async def test_a_stream_that_does_not_capture_a_subject_refuses_the_start_and_names_it(
    mirrored: Mirrored,
) -> None:
    async with nats_side(mirrored.server.url) as side:
        name = mirrored.names["NATS_STREAM"]
        await side.context.add_stream(name=name, subjects=["signals.*", "orchestrated.>", "execution.>"])
        mirror = mirrored.mirror("a").launch()
        assert await asyncio.to_thread(mirror.wait_for_exit) == 1
    assert mirror.logged(f"stream {name} (NATS_STREAM) does not capture signals.enriched.correlation")
    assert mirror.logged("has one replica") is False


async def test_a_consumer_that_reads_something_else_refuses_the_start_and_is_named(
    mirrored: Mirrored,
) -> None:
    durable = durable_of(mirrored.names["NATS_DURABLE"], RISK)
    async with nats_side(mirrored.server.url) as side:
        stream = mirrored.names["NATS_STREAM"]
        await side.context.add_stream(name=stream, subjects=list(STREAM_SUBJECTS))
        await side.context.add_consumer(stream, durable_name=durable, filter_subject="signals.raw")
        mirror = mirrored.mirror("a").launch()
        assert eventually(lambda: mirror.logged(f"consumer {durable} of stream {stream}"))
        assert mirror.logged(f"filter_subject is signals.raw, expected {RISK}")


async def test_what_kafka_refuses_for_good_is_a_dead_letter_and_what_is_around_it_is_carried(
    mirrored: Mirrored,
) -> None:
    broker = mirrored.orchestrator.broker
    largest = broker.configuration(RISK)["max.message.bytes"]
    broker.configure(RISK, "max.message.bytes", "3000")
    dead = Outputs(broker, [f"dlq.{RISK}"])
    try:
        async with nats_side(mirrored.server.url) as side:
            await mirrored.prepare(side, RISK, ack_wait=30.0)
            await side.publish(RISK, enriched("risk", "before"))
            # Random, so that compression does not make it fit.
            large = enriched("risk", "large") | {"filling": secrets.token_hex(8000)}
            await side.publish(RISK, large)
            await side.publish(RISK, enriched("risk", "behind"))
            mirror = await asyncio.to_thread(mirrored.start)
            before, behind = await asyncio.to_thread(mirrored.records, RISK, "before", "behind")
            await mirrored.all_acknowledged(side, RISK)
            assert await asyncio.to_thread(
                eventually, lambda: samples(mirror).get(("orchestrator_mirror_lag", ("in", RISK))) == 0
            )
        await asyncio.to_thread(dead.drain)
    finally:
        broker.configure(RISK, "max.message.bytes", largest)
        dead.close()
    assert (before.partition, before.offset) != (behind.partition, behind.offset)
    assert mirrored.arrived.of(RISK, "large") == []
    (letter,) = [each for each in dead.of_topic(f"dlq.{RISK}") if b'"large"' in (each.value or b"")]
    assert dict(letter.headers)["dlq_reason"] == b"too_large"
    assert samples(mirror)["orchestrator_mirror_failures_total", ("in",)] >= 1


async def test_a_server_that_refuses_us_ends_the_start_and_no_log_line_has_the_secret(
    mirrored: Mirrored,
) -> None:
    secret = "a-secret-that-nobody-may-read"
    with NatsServer(settings={"authorization": {"user": "mirror", "password": "another"}}) as server:
        ways = {
            "variables": {"NATS_URL": server.url, "NATS_USER": "mirror", "NATS_PASSWORD": secret},
            "address": {"NATS_URL": f"nats://mirror:{secret}@127.0.0.1:{server.port}"},
        }
        for name, variables in ways.items():
            mirror = mirrored.mirror(name, LOG_LEVEL="DEBUG", **variables).launch()
            assert await asyncio.to_thread(mirror.wait_for_exit) == 1
            said = {
                "variables": "refuses the user and password of NATS_USER and NATS_PASSWORD",
                "address": "refuses what NATS_URL carries",
            }[name]
            assert mirror.logged(f"127.0.0.1:{server.port} {said}")
            assert not mirror.logged(secret)

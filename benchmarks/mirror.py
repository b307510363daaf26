"""`python -m benchmarks.mirror`: messages in and out through a mirror process, checked one by one, beside plain loops."""

import argparse
import asyncio
import json
from collections import defaultdict
from collections.abc import Iterator

import nats
from confluent_kafka import Consumer, Producer
from nats.aio.client import Client

from agents.mirror.build import mirror_topics
from benchmarks.mirror_run import timed_mirror
from benchmarks.plain_bridge import kafka_to_nats, nats_to_kafka
from config.orchestrator_settings import SHIPPED_WORKFLOWS
from config.settings import Settings, load_settings
from config.workflows.loader import load_workflows
from streams.clients import client_settings, producer_settings
from streams.mirror.jetstream import ensure_stream
from streams.stack.kafka_server import KafkaServer
from streams.stack.nats_server import NatsServer
from streams.topics import TopicSpec, ensure_topics

PARTITIONS = 4
INPUTS = tuple(f"signals.enriched.{agent}" for agent in ("momentum", "risk", "correlation", "sentiment"))
OUTPUTS = ("orchestrated.decision", "execution.order", "risk.monitor.decision", "portfolio.decision")
PLAIN_TOPIC = TopicSpec("plain", "delete", 86_400_000, 2 * 1024 * 1024)
PER_CORR_ID = 10
FILLING = "x" * 600
Arrived = dict[tuple[str, str], list[int]]
"""By name and corr_id the numbers of its messages, in the order of arrival."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=200_000)
    asyncio.run(_run(parser.parse_args().messages))


async def _run(wanted: int) -> None:
    count = wanted // (PER_CORR_ID * len(INPUTS)) * PER_CORR_ID * len(INPUTS)
    with KafkaServer() as kafka, NatsServer() as server:
        environment = {
            "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
            "NATS_URL": server.url,
            "ORCHESTRATOR_PARTITIONS": str(PARTITIONS),
            "ORCHESTRATOR_WORKER_ID": "bench",
        }
        settings = load_settings(environment)
        specs = [*mirror_topics(settings, load_workflows(SHIPPED_WORKFLOWS).workflows), PLAIN_TOPIC]
        ensure_topics(client_settings(settings), specs, partitions=PARTITIONS, replication=1, create=True)
        client = await nats.connect(server.url, pending_size=64 * 1024 * 1024)
        try:
            await ensure_stream(client.jetstream(), settings.nats_stream, INPUTS, syncs_always=True)
            await client.jetstream().add_stream(name="plain", subjects=["plain.>"])
            print(f"{count} messages of some {len(FILLING) + 50} bytes each way, {PARTITIONS} partitions")
            await _fill_nats(client, settings, count)
            plain = await _plain_in(client, settings, count)
            mirrored = await asyncio.to_thread(timed_mirror, environment, "in", count)
            _report("in, NATS to Kafka", count, mirrored, plain)
            await asyncio.to_thread(_check, _read_kafka(settings, count), INPUTS, count)
            await asyncio.to_thread(_fill_kafka, settings, count)
            plain = await _plain_out(client, settings, count)
            mirrored = await asyncio.to_thread(timed_mirror, environment, "out", count)
            _report("out, Kafka to NATS", count, mirrored, plain)
            _check(await _read_nats(client, settings), OUTPUTS, count)
        finally:
            await client.close()


def _report(way: str, count: int, mirrored: float, plain: float) -> None:
    print(
        f"{way}: mirror {count / mirrored:,.0f}/s, plain loop {count / plain:,.0f}/s, "
        f"ratio {plain / mirrored:.2f}"
    )


def _messages(names: tuple[str, ...], count: int) -> Iterator[tuple[str, str, bytes]]:
    """Name, corr_id and body; those of one corr_id under one name, mixed with those of others."""
    corr_ids = count // PER_CORR_ID
    for number in range(PER_CORR_ID):
        for index in range(corr_ids):
            corr_id = f"bench-{index}"
            body = {"corr_id": corr_id, "number": number, "filling": FILLING}
            yield names[index % len(names)], corr_id, json.dumps(body).encode()


def _check(arrived: Arrived, names: tuple[str, ...], count: int) -> None:
    """Each message once and nothing else, and those of a corr_id in their order."""
    expected = {(name, corr_id) for name, corr_id, _ in _messages(names, count)}
    assert set(arrived) == expected, f"{len(expected ^ set(arrived))} corr_ids differ"
    wrong = [place for place, numbers in arrived.items() if numbers != list(range(PER_CORR_ID))]
    assert not wrong, (
        f"{len(wrong)} corr_ids lost, doubled or out of order, as {wrong[0]}: {arrived[wrong[0]]}"
    )
    print(f"  checked: {count} of {count} messages once, {len(expected)} corr_ids in order")


async def _fill_nats(client: Client, settings: Settings, count: int) -> None:
    *first, (subject, _, last) = _messages(INPUTS, count)
    for name, _, body in first:
        await client.publish(name, body)
    # One connection, so it is stored behind all others.
    await client.jetstream().publish(subject, last, stream=settings.nats_stream, timeout=120)


def _fill_kafka(settings: Settings, count: int) -> None:
    producer = Producer(producer_settings(settings))
    for topic, corr_id, body in _messages(OUTPUTS, count):
        number = json.loads(body)["number"]
        headers: list[tuple[str, str | bytes | None]] = [
            ("corr_id", corr_id.encode()),
            ("decision_id", f"{corr_id}-{number}".encode()),
            ("source", b"orchestrator"),
        ]
        while True:
            try:
                producer.produce(topic, body, corr_id.encode(), headers=headers)
                break
            except BufferError:
                producer.poll(0.1)
    producer.flush()


async def _plain_in(client: Client, settings: Settings, count: int) -> float:
    producer = Producer(producer_settings(settings))
    stream = settings.nats_stream
    return await nats_to_kafka(client.jetstream(), stream, "signals.>", producer, PLAIN_TOPIC.name, count)


async def _plain_out(client: Client, settings: Settings, count: int) -> float:
    consumer = _consumer(settings, "plain-out")
    try:
        subjects = {topic: f"plain.{topic}" for topic in OUTPUTS}
        return await kafka_to_nats(consumer, client.jetstream(), subjects, count)
    finally:
        consumer.close()


def _consumer(settings: Settings, group: str) -> Consumer:
    return Consumer(
        client_settings(settings)
        | {
            "group.id": group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
        }
    )


def _read_kafka(settings: Settings, count: int) -> Arrived:
    """All that is there, and a moment longer: what is there twice must be seen."""
    consumer = _consumer(settings, "check")
    consumer.subscribe(list(INPUTS))
    arrived: Arrived = defaultdict(list)
    read = 0
    while messages := consumer.consume(5000, 10.0 if read < count else 2.0):
        for message in messages:
            assert message.error() is None
            body = json.loads(message.value() or b"")
            arrived[message.topic() or "", body["corr_id"]].append(body["number"])
            read += 1
    consumer.close()
    return arrived


async def _read_nats(client: Client, settings: Settings) -> Arrived:
    arrived: Arrived = defaultdict(list)
    for subject in OUTPUTS:
        reader = await client.jetstream().pull_subscribe(
            subject, stream=settings.nats_stream, durable=f"check-{subject.replace('.', '-')}"
        )
        while True:
            try:
                messages = await reader.fetch(1000, timeout=2)
            except TimeoutError:
                break
            for message in messages:
                body = json.loads(message.data)
                arrived[subject, body["corr_id"]].append(body["number"])
                await message.ack()
    return arrived


if __name__ == "__main__":
    main()

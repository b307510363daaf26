"""The mirror's own NATS side on a real server: stream and consumers, a pull that goes silent, headers with several values."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from nats.js import api

from config.settings import load_settings
from streams.mirror.client import MirrorClient, SentHeaders
from streams.mirror.connection import NatsUnavailable, connect
from streams.mirror.jetstream import (
    STREAM_SUBJECTS,
    Feed,
    JetStreamRefused,
    ensure_consumer,
    ensure_stream,
)
from streams.mirror.message import StreamMessage
from streams.mirror.pull import PullConsumer
from streams.stack.nats_server import NatsServer
from tests.real.nats_proxy import NatsProxy

FEED = Feed("signals.enriched.risk", "signals.enriched.risk", "durable")
STREAM = "trading-events"


@pytest.fixture
async def client(fresh_nats: NatsServer) -> AsyncIterator[MirrorClient]:
    made = await connect(load_settings({"NATS_URL": fresh_nats.url}), "test", asyncio.Event())
    yield made
    await made.close()


async def test_a_stream_that_is_absent_is_made_as_the_contracts_say(client: MirrorClient) -> None:
    context = client.jetstream()
    (warning,) = await ensure_stream(context, STREAM, [FEED.subject], syncs_always=False)
    assert "has one replica" in warning
    config = (await context.stream_info(STREAM)).config
    assert tuple(config.subjects or ()) == STREAM_SUBJECTS
    assert (config.storage, config.duplicate_window) == (api.StorageType.FILE, 3600)
    assert await ensure_stream(context, STREAM, [FEED.subject], syncs_always=True) == []


async def test_a_stream_that_is_there_is_verified_and_its_weaknesses_are_told(client: MirrorClient) -> None:
    context = client.jetstream()
    await context.add_stream(name=STREAM, subjects=["signals.*"], storage=api.StorageType.MEMORY)
    warnings = await ensure_stream(context, STREAM, ["signals.normalized"], syncs_always=True)
    assert ["in memory" in warning for warning in warnings] == [True, False]
    assert "knows repeats for 120 s" in warnings[1]
    with pytest.raises(
        JetStreamRefused, match=r"does not capture signals\.enriched\.risk: its subjects are signals\.\*"
    ):
        await ensure_stream(context, STREAM, ["signals.normalized", FEED.subject], syncs_always=True)
    with pytest.raises(JetStreamRefused, match="Another stream has some of them"):
        await ensure_stream(context, "other", [FEED.subject], syncs_always=True)


async def test_a_stream_that_deletes_what_was_read_is_refused(client: MirrorClient) -> None:
    context = client.jetstream()
    await context.add_stream(
        name=STREAM, subjects=list(STREAM_SUBJECTS), retention=api.RetentionPolicy.WORK_QUEUE
    )
    with pytest.raises(JetStreamRefused, match="retention workqueue, expected limits"):
        await ensure_stream(context, STREAM, [FEED.subject], syncs_always=True)


async def test_headers_keep_all_their_values_there_and_back(client: MirrorClient) -> None:
    await ensure_stream(client.jetstream(), STREAM, [FEED.subject], syncs_always=True)
    await ensure_consumer(client.jetstream(), STREAM, FEED)
    pairs = [("baggage", "a=1"), ("baggage", "b=2"), ("traceparent", "t: with colon")]
    sent = await client.jetstream().publish(FEED.subject, b"{}", headers=SentHeaders(pairs))
    pull = PullConsumer(client, STREAM, FEED.durable)
    await pull.start()
    (message,) = await pull.take(10, 10)
    assert message.headers == tuple((name, value.encode()) for name, value in pairs)
    assert (message.subject, message.data, message.sequence) == (FEED.subject, b"{}", sent.seq)
    # Read from the stream itself it is the same message.
    found = await pull.read_after(FEED.subject, 0)
    assert found is not None
    assert (found.headers, found.data, found.time) == (message.headers, message.data, message.time)
    assert await pull.read_after(FEED.subject, sent.seq) is None
    await pull.acknowledge([(message.reply, b"+ACK")])
    info = await client.jetstream().consumer_info(STREAM, FEED.durable)
    assert (info.num_ack_pending, info.num_pending) == (0, 0)


async def test_a_pull_that_has_gone_silent_is_made_anew(fresh_nats: NatsServer) -> None:
    async with NatsProxy(fresh_nats.port) as proxy:
        lost = asyncio.Event()
        client = await connect(load_settings({"NATS_URL": proxy.url}), "test", lost)
        context = client.jetstream()
        await ensure_stream(context, STREAM, [FEED.subject], syncs_always=True)
        await ensure_consumer(context, STREAM, FEED)
        pull = PullConsumer(client, STREAM, FEED.durable, silence_seconds=0.5)
        # The server never hears of the first pull, as one that has forgotten it.
        proxy.holding = True
        await pull.start()
        assert await pull.take(10, 0.6) == []
        assert pull.renewals == 1
        proxy.holding = False
        publisher = await connect(load_settings({"NATS_URL": fresh_nats.url}), "other", asyncio.Event())
        await publisher.jetstream().publish(FEED.subject, b"{}")
        taken: list[StreamMessage] = []
        while not taken:
            taken = await pull.take(10, 0.6)
        assert [message.data for message in taken] == [b"{}"]
        assert not lost.is_set()
        await publisher.close()
        await client.close()


async def test_a_consumer_that_is_deleted_ends_its_pull(client: MirrorClient) -> None:
    context = client.jetstream()
    await ensure_stream(context, STREAM, [FEED.subject], syncs_always=True)
    await ensure_consumer(context, STREAM, FEED)
    pull = PullConsumer(client, STREAM, FEED.durable)
    await pull.start()
    await context.delete_consumer(STREAM, FEED.durable)

    async def take_for_ever() -> None:
        while True:
            await pull.take(10, 1.0)

    with pytest.raises(NatsUnavailable, match="the server has ended the pull"):
        await take_for_ever()

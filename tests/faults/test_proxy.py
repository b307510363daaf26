"""The proxy does to a connection what it is told to, and counts it: a fault is believed to have landed by these counts."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from streams.stack.ports import free_ports
from tests.faults.proxy import TcpProxy

QUIET_SECONDS = 0.3
"""How long nothing is seen before nothing is believed to come."""
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(1000):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


@pytest.fixture
async def proxy() -> AsyncIterator[TcpProxy]:
    """In front of a server that says everything again."""
    port, target = free_ports(2)
    server = await asyncio.start_server(echo, "127.0.0.1", target)
    made = TcpProxy(port, target)
    await made.open()
    yield made
    await made.set("cut")
    server.close()


@pytest.fixture
async def client(proxy: TcpProxy) -> AsyncIterator[Streams]:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    yield reader, writer
    writer.close()


async def says(client: Streams, text: bytes) -> bytes:
    """What comes back; nothing where the connection ended. Raises TimeoutError where nobody answers."""
    reader, writer = client
    writer.write(text)
    return await asyncio.wait_for(reader.read(1000), QUIET_SECONDS * 10)


async def test_what_is_sent_is_passed_both_ways(proxy: TcpProxy, client: Streams) -> None:
    assert await says(client, b"hello") == b"hello"
    assert (proxy.counts()["connections"], proxy.counts()["bytes"]) == (1, 10)


async def test_a_cut_ends_connections_and_refuses_new_ones_until_it_is_over(
    proxy: TcpProxy, client: Streams
) -> None:
    await says(client, b"hello")
    await proxy.set("cut")
    assert await client[0].read(1000) == b""
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", proxy.port)
    await proxy.set("pass")
    again = await asyncio.open_connection("127.0.0.1", proxy.port)
    assert await says(again, b"again") == b"again"
    again[1].close()
    assert proxy.counts()["cut"] == 1


async def test_a_half_open_connection_stays_and_loses_every_byte_and_is_unknown_afterwards(
    proxy: TcpProxy, client: Streams
) -> None:
    await says(client, b"hello")
    await proxy.set("half_open")
    client[1].write(b"into the void")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(client[0].read(1000), QUIET_SECONDS)
    assert proxy.counts()["bytes_swallowed"] == len(b"into the void")
    await proxy.set("pass")
    with pytest.raises(ConnectionResetError):
        await client[0].read(1000)


async def test_a_reset_ends_connections_with_an_rst(proxy: TcpProxy, client: Streams) -> None:
    await says(client, b"hello")
    proxy.reset_connections()
    with pytest.raises(ConnectionResetError):
        await client[0].read(1000)
    assert proxy.counts()["reset"] == 1


async def test_latency_delays_each_chunk_and_keeps_their_order(proxy: TcpProxy, client: Streams) -> None:
    await proxy.set("latency", 0.05)
    assert await says(client, b"first") == b"first"
    assert await says(client, b"second") == b"second"
    assert proxy.counts()["chunks_delayed"] == 4

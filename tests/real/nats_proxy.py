"""Stands between a mirror and its NATS, and can keep what the mirror says: acknowledgements that never arrive."""

import asyncio
import contextlib
from types import TracebackType
from typing import Self

from streams.stack.ports import free_ports


class NatsProxy:
    """While ``holding``, nothing goes to the server; what the server sends still arrives. Connections end with either side."""

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        (self.port,) = free_ports(1)
        self.holding = False
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            # Cancelled where the test is over: asyncio's own callback would report that as an error.
            with contextlib.suppress(OSError, asyncio.CancelledError):
                from_server, to_server = await asyncio.open_connection("127.0.0.1", self._server_port)
                ways = [
                    asyncio.create_task(self._carry(reader, to_server, may_hold=True)),
                    asyncio.create_task(self._carry(from_server, writer, may_hold=False)),
                ]
                try:
                    await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for way in ways:
                        way.cancel()
                    to_server.close()
        finally:
            writer.close()
            self._tasks.discard(task)

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, may_hold: bool
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                if may_hold and self.holding:
                    continue
                writer.write(data)
                await writer.drain()

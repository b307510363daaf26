"""A TCP proxy with a hand on it: it passes, delays, swallows, resets or refuses what goes between a client and a server."""

import asyncio
import socket
import struct
from dataclasses import asdict, dataclass
from typing import Literal

Mode = Literal["pass", "cut", "half_open", "latency"]
_CHUNK_BYTES = 64 * 1024
_RESET_AT_CLOSE = struct.pack("ii", 1, 0)


@dataclass(slots=True)
class Passed:
    """What a proxy has done since it was made. ``cut`` and ``reset`` count connections."""

    connections: int = 0
    bytes: int = 0
    bytes_swallowed: int = 0
    chunks_delayed: int = 0
    cut: int = 0
    reset: int = 0


class _Link:
    """One connection, both halves. ``torn``: bytes of it were swallowed, so nothing more of it can make sense."""

    def __init__(self, *writers: asyncio.StreamWriter) -> None:
        self.torn = False
        self._writers = writers

    def reset(self) -> None:
        for writer in self._writers:
            connection = writer.get_extra_info("socket")
            # Without this a close ends in politeness (FIN); the peer is to be told that the connection is gone.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_CLOSE)
            writer.transport.abort()

    def close(self) -> None:
        for writer in self._writers:
            writer.close()


class TcpProxy:
    """Listens on 127.0.0.1:``port`` and passes to 127.0.0.1:``target_port``. All methods belong to one event loop."""

    def __init__(self, port: int, target_port: int) -> None:
        self.passed = Passed()
        self.port = port
        self._target_port = target_port
        self._mode: Mode = "pass"
        self._delay = 0.0
        self._links: set[_Link] = set()
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._accepted, "127.0.0.1", self.port)

    async def set(self, mode: Mode, delay: float = 0.0) -> None:
        """``cut``: connections end and new ones are refused. ``half_open``: everybody stays connected, and every byte is
        lost. ``latency``: each chunk waits ``delay`` seconds. ``pass`` ends all of it."""
        self._mode, self._delay = mode, delay
        if mode == "cut":
            if self._server is not None:
                self._server.close()
                self._server = None
            self.passed.cut += len(self._links)
            for link in list(self._links):
                link.close()
            return
        await self.open()
        for link in [link for link in self._links if link.torn]:
            # A router that comes back does not know these connections any more.
            link.reset()

    def reset_connections(self) -> None:
        """End each connection with an RST; new ones are taken at once."""
        self.passed.reset += len(self._links)
        for link in list(self._links):
            link.reset()

    def counts(self) -> dict[str, int]:
        return asdict(self.passed)

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
        except OSError:
            # The server is down: the client sees its connection end.
            writer.close()
            return
        self.passed.connections += 1
        link = _Link(writer, server_writer)
        self._links.add(link)
        try:
            await asyncio.gather(
                self._pump(reader, server_writer, link), self._pump(server_reader, writer, link)
            )
        finally:
            self._links.discard(link)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, link: _Link) -> None:
        try:
            while data := await reader.read(_CHUNK_BYTES):
                if link.torn or self._mode == "half_open":
                    link.torn = True
                    self.passed.bytes_swallowed += len(data)
                    continue
                if self._mode == "latency":
                    self.passed.chunks_delayed += 1
                    await asyncio.sleep(self._delay)
                writer.write(data)
                self.passed.bytes += len(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            if not link.torn:
                link.close()

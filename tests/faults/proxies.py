"""The proxies in a process of their own: in the test's process each chunk would wait for whatever holds Python's lock.

A command is a JSON line on standard input, ``{"proxy": n, "mode": …, "delay": seconds}``; the answer is a JSON line with
the proxy's counts. The end of standard input ends the process.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from tests.faults.proxy import Mode, TcpProxy

Counts = dict[str, int]


class Proxies:
    """``routes``: for each proxy its port and the port behind it."""

    def __init__(self, routes: Sequence[tuple[int, int]]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.proxies", json.dumps(routes)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        # The first line says that all of them listen.
        self._answer()

    def set(self, proxy: int, mode: Mode, delay: float = 0.0) -> Counts:
        return self._ask(proxy, mode, delay)

    def reset_connections(self, proxy: int) -> Counts:
        return self._ask(proxy, "reset", 0.0)

    def counts(self, proxy: int) -> Counts:
        return self._ask(proxy, "count", 0.0)

    def _ask(self, proxy: int, mode: str, delay: float) -> Counts:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"proxy": proxy, "mode": mode, "delay": delay}) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> Counts:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"the proxies have ended, with status {self._process.wait()}"
        answer: Counts = json.loads(line)
        return answer

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


async def serve(routes: Sequence[tuple[int, int]]) -> None:
    proxies = [TcpProxy(port, target) for port, target in routes]
    for proxy in proxies:
        await proxy.open()
    _say({})
    commands = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    while line := await commands.readline():
        command = json.loads(line)
        proxy = proxies[command["proxy"]]
        if command["mode"] == "reset":
            proxy.reset_connections()
        elif command["mode"] != "count":
            await proxy.set(command["mode"], command["delay"])
        _say(proxy.counts())


def _say(answer: Counts) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(serve(json.loads(sys.argv[1])))

"""A thread for one partition's commits, which can be left behind.

``send_offsets_to_transaction`` of librdkafka does not keep its time limit (its issues 5456 and 5511): after a broker was
away it may never return. A pool would be short of that thread for ever, and the interpreter would wait for it at its end.
"""

import asyncio
import threading
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from typing import TypeVar

T = TypeVar("T")


class CommitThread:
    """Runs one function after the other. ``close`` does not wait for the one that runs."""

    def __init__(self, name: str) -> None:
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def run(self, function: Callable[[], T]) -> "asyncio.Future[T]":
        """To be called on the event loop that the result is awaited on."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def call() -> None:
            tell: Callable[[], None]
            try:
                tell = partial(future.set_result, function())
            except BaseException as error:  # noqa: BLE001 - raised again where the future is awaited
                tell = partial(future.set_exception, error)
            self._tell(loop, future, tell)

        self._calls.put(call)
        return future

    def close(self) -> None:
        self._calls.put(None)

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            call()

    @staticmethod
    def _tell(loop: asyncio.AbstractEventLoop, future: "asyncio.Future[T]", tell: Callable[[], None]) -> None:
        def settle() -> None:
            if not future.done():
                tell()

        try:
            loop.call_soon_threadsafe(settle)
        except RuntimeError:
            # The loop is closed: nobody waits any more.
            return

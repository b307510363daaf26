"""Keeps the Kafka and NATS clients' reconnect chatter out of the log: thousands of equal lines while a broker is away."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from typing_extensions import override

INTERVAL_SEC = 10.0
_MOST_KEPT = 1024


@dataclass(slots=True)
class _Seen:
    next_at: float
    held_back: int = 0


class RepeatFilter(logging.Filter):
    """Lets the first of equal lines pass and then one per ``interval_sec``, which says how many were held back.

    Equal: same logger, level and message template; arguments (node, address, error) may differ. ``loggers`` are the
    names that it looks at, with everything below them; other lines pass untouched, since the repeats of our own
    loggers are facts of their own (one line per correlation).
    """

    def __init__(
        self,
        loggers: tuple[str, ...],
        interval_sec: float = INTERVAL_SEC,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._loggers = loggers
        self._interval = interval_sec
        self._now = now
        self._seen: dict[tuple[str, int, str], _Seen] = {}
        # librdkafka and the lane log from threads of their own.
        self._lock = threading.Lock()

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        if not any(record.name == name or record.name.startswith(name + ".") for name in self._loggers):
            return True
        key = (record.name, record.levelno, str(record.msg))
        with self._lock:
            now = self._now()
            seen = self._seen.get(key)
            if seen is None:
                self._forget(now)
                self._seen[key] = _Seen(now + self._interval)
                return True
            if now < seen.next_at:
                seen.held_back += 1
                return False
            if seen.held_back:
                record.held_back = seen.held_back
            seen.next_at, seen.held_back = now + self._interval, 0
            return True

    def _forget(self, now: float) -> None:
        """Templates with the values already in them (f-strings) are new each time: without a bound they fill memory."""
        if len(self._seen) < _MOST_KEPT:
            return
        self._seen = {key: seen for key, seen in self._seen.items() if now < seen.next_at}
        if len(self._seen) >= _MOST_KEPT:
            self._seen.clear()

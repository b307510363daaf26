"""How a planted bug takes the place of a product function, and how it dies where it would show."""

import os
import signal
from collections.abc import Callable, Iterable
from itertools import count
from pathlib import Path
from typing import Any

from orchestration.message import Message
from streams.topics import DECISION_TOPIC

_DIES_AT_PASS = 10
_passes = count(1)


def replace(owner: Any, name: str, make: Callable[[Any], Any]) -> None:
    """``owner`` is a class, or the module that uses the function under this name; ``make`` is given the original.

    Raises AttributeError where the product has no such function any more: a bug that is not planted proves nothing.
    """
    setattr(owner, name, make(getattr(owner, name)))


def die_once(messages: Iterable[Message]) -> None:
    """kill -9 of this process at a later commit that has an outcome; the process that is started after it lives."""
    if not any(message.topic == DECISION_TOPIC for message in messages):
        return
    flag = Path(os.environ["PLANTED_DIED"])
    if next(_passes) >= _DIES_AT_PASS and not flag.exists():
        flag.touch()
        os.kill(os.getpid(), signal.SIGKILL)

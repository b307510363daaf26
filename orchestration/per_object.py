"""Work that is done once for an object that never changes: compiled conditions, digests."""

from collections.abc import Callable
from typing import Generic, TypeVar

Key = TypeVar("Key")
Made = TypeVar("Made")


class PerObject(Generic[Key, Made]):
    """``make(key)``, called once per object and remembered by its identity.

    Hashing a workflow's conditions would cost more than evaluating them. A function that makes the same from the same
    keeps the caller pure. At most ``limit`` objects are remembered.
    """

    __slots__ = ("_limit", "_made", "_make")

    def __init__(self, make: Callable[[Key], Made], limit: int = 4096) -> None:
        self._make = make
        self._limit = limit
        self._made: dict[int, tuple[Key, Made]] = {}

    def __call__(self, key: Key) -> Made:
        known = self._made.get(id(key))
        if known is not None:
            return known[1]
        made = self._make(key)
        if len(self._made) >= self._limit:
            self._made.clear()
        # The key is kept beside what was made: an object that went away would hand its id to the next one.
        self._made[id(key)] = (key, made)
        return made

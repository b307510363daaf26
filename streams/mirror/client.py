"""nats-py's client, with headers that keep all their values; it gives up at its first lost connection."""

from collections.abc import Iterable
from typing import Any

from nats.aio.client import Client
from typing_extensions import override

from streams.mirror.message import HeaderPairs, header_pairs


class ReceivedHeaders(dict[str, str]):
    """What the client makes of a message's headers (the last value of each), and beside it all of them."""

    def __init__(self, pairs: HeaderPairs) -> None:
        super().__init__((name, value.decode("utf-8", "replace")) for name, value in pairs)
        self.pairs = pairs


class SentHeaders(dict[str, str]):
    """Hands the client each pair, also where a name comes twice. It asks for nothing but the items."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._pairs = list(pairs)
        super().__init__(self._pairs)

    @override
    def items(self) -> Any:
        return self._pairs


class MirrorClient(Client):
    """Use ``pairs_of`` for a received message's headers."""

    @property
    def wants_tls(self) -> bool:
        """Whether the server has said that it speaks TLS only."""
        return bool(self._server_info.get("tls_required"))

    @staticmethod
    @override
    def _parse_header_lines(raw: bytes) -> dict[str, str]:
        return ReceivedHeaders(header_pairs(raw))


def pairs_of(headers: dict[str, str] | None) -> HeaderPairs:
    """All headers of a message that a ``MirrorClient`` received."""
    if headers is None:
        return ()
    if isinstance(headers, ReceivedHeaders):
        return headers.pairs
    return tuple((name, value.encode()) for name, value in headers.items())

"""One signal of a correlation: a record that was read, checked and accepted into a row."""

from typing import Any, final

import msgspec

NORMALIZED = ""
"""The agent name under which a normalized signal stands in a row: no trading agent can be called that."""

VALIDATION_ERROR = "validation_error"
PROCESSING_ERROR = "processing_error"

JsonObject = dict[str, Any]


class SignalError(msgspec.Struct, frozen=True, gc=False):
    """Why a signal is invalid. ``message`` is our own fixed text ``<field>: <expected>``, never a received value."""

    type: str
    message: str


@final
class Signal(msgspec.Struct, eq=False, gc=False):
    """A normalized or enriched signal with its place in the log. Never changed after it was made.

    ``agent`` is the topic's last token, or ``NORMALIZED``. ``value`` is the payload as received; an invalid signal
    (``error`` set) keeps only its ``sha256`` (raw digest). ``payload`` (a struct) and ``body`` (a dict) are the decoded
    ``value`` of a valid signal, each there once somebody asked for it (`payload_of`, `body_of`): read them, never write
    them. Both can always be had again from ``value``, so a stored row leaves them out.
    """

    corr_id: str
    agent: str
    topic: str
    partition: int
    offset: int
    timestamp: int
    value: bytes | None
    sha256: bytes
    payload: Any = None
    error: SignalError | None = None
    traceparent: str | None = None
    body: JsonObject | None = None

    @property
    def valid(self) -> bool:
        return self.error is None

    @property
    def order(self) -> tuple[int, str, int]:
        """The total order in which a partition's records are taken: (timestamp, topic, offset)."""
        return (self.timestamp, self.topic, self.offset)

    def __repr__(self) -> str:
        what = "valid" if self.error is None else repr(self.error)
        return f"Signal({self.corr_id!r}, {self.topic}[{self.partition}]@{self.offset}, t={self.timestamp}, {what})"

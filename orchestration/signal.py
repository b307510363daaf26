"""One signal of a correlation: a record that was read, checked and accepted into a row."""

from typing import Any

NORMALIZED = ""
"""The agent name under which a normalized signal stands in a row: no trading agent can be called that."""

VALIDATION_ERROR = "validation_error"
PROCESSING_ERROR = "processing_error"

JsonObject = dict[str, Any]


class SignalError:
    """Why a signal is invalid. ``message`` is our own fixed text ``<field>: <expected>``, never a received value."""

    __slots__ = ("message", "type")

    def __init__(self, type: str, message: str) -> None:
        self.type = type
        self.message = message

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SignalError) and (self.type, self.message) == (other.type, other.message)

    def __hash__(self) -> int:
        return hash((self.type, self.message))

    def __repr__(self) -> str:
        return f"SignalError({self.type!r}, {self.message!r})"


class Signal:
    """A normalized or enriched signal with its place in the log. Never changed after it was made.

    ``agent`` is the topic's last token, or ``NORMALIZED``. ``value`` is the payload as received; an invalid signal
    (``error`` set) keeps only its ``sha256`` (raw digest). ``body`` is the decoded payload of a valid signal:
    read it, never write it; it can always be had again from ``value``, so a stored row leaves it out.
    """

    __slots__ = (
        "agent",
        "body",
        "corr_id",
        "error",
        "offset",
        "partition",
        "sha256",
        "timestamp",
        "topic",
        "traceparent",
        "value",
    )

    def __init__(
        self,
        corr_id: str,
        agent: str,
        topic: str,
        partition: int,
        offset: int,
        timestamp: int,
        value: bytes | None,
        sha256: bytes,
        body: JsonObject | None = None,
        error: SignalError | None = None,
        traceparent: str | None = None,
    ) -> None:
        self.corr_id = corr_id
        self.agent = agent
        self.topic = topic
        self.partition = partition
        self.offset = offset
        self.timestamp = timestamp
        self.value = value
        self.sha256 = sha256
        self.body = body
        self.error = error
        self.traceparent = traceparent

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

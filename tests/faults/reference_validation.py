"""What is a valid signal: contracts §2, §3 and "Errors" of §4, written out slowly and apart from the real core."""

import hashlib
import json
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from tests.faults.reference_time import milliseconds

Json = dict[str, Any]
NORMALIZED = "normalized"
NORMALIZED_TOPIC = "signals.normalized"
ENRICHED_PREFIX = "signals.enriched."
MAXIMUM_PAYLOAD_BYTES = 1024 * 1024
MAXIMUM_LEVELS = 100
MAXIMUM_TEXT = 128
END_OF_9998 = 253_370_764_800_000


class RecordLike(Protocol):
    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes]]: ...


@dataclass(frozen=True)
class Signal:
    """A record that may enter a correlation. ``body`` is None exactly when ``error`` is set. ``timestamp`` in ms."""

    corr_id: str
    agent: str
    normalized: bool
    topic: str
    partition: int
    offset: int
    timestamp: int
    sha256: str
    row_bytes: int
    body: Json | None
    error: Json | None
    traceparent: bytes | None

    @property
    def payload(self) -> Json:
        assert self.body is not None
        return self.body


class DeadLetterError(Exception):
    """The record goes to its dead-letter topic and opens nothing; the text is the reason."""


class InvalidError(Exception):
    """The text is ``<field>: <expected>``."""


def read_signal(record: RecordLike, agents: set[str], partition_count: int) -> Signal:
    """The signal in ``record``, valid or not. Raises DeadLetterError."""
    value = record.value
    if not value:
        raise DeadLetterError("not_decodable")
    if len(value) > MAXIMUM_PAYLOAD_BYTES:
        raise DeadLetterError("too_large")
    body = decode(value)
    corr_id = body.get("corr_id")
    if not isinstance(corr_id, str) or not re.fullmatch(r"[A-Za-z0-9_.-]{1,128}", corr_id):
        raise DeadLetterError("no_corr_id")
    normalized = record.topic == NORMALIZED_TOPIC
    agent = NORMALIZED if normalized else record.topic.removeprefix(ENRICHED_PREFIX)
    if not is_input(record.topic, agents):
        raise DeadLetterError("wrong_topic")
    if not normalized and isinstance(body.get("agent_name"), str) and body["agent_name"] != agent:
        raise DeadLetterError("wrong_topic")
    if record.key != corr_id.encode():
        raise DeadLetterError("wrong_key")
    if record.partition != partition_of(corr_id.encode(), partition_count):
        raise DeadLetterError("wrong_partition")
    if not 0 <= record.timestamp < END_OF_9998:
        raise DeadLetterError("processing_error")
    error = None
    try:
        if normalized:
            check_normalized(body)
        else:
            check_enriched(body, agent)
    except InvalidError as reason:
        error = {"type": "validation_error", "message": str(reason)}
    return Signal(
        corr_id=corr_id,
        agent=agent,
        normalized=normalized,
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        timestamp=record.timestamp,
        sha256=hashlib.sha256(value).hexdigest(),
        row_bytes=256 + (0 if error else len(value)),
        body=None if error else body,
        error=error,
        traceparent=traceparent_of(record.headers),
    )


def is_input(topic: str, agents: set[str]) -> bool:
    return topic == NORMALIZED_TOPIC or topic in {ENRICHED_PREFIX + agent for agent in agents}


def traceparent_of(headers: Sequence[tuple[str, bytes]]) -> bytes | None:
    """The last one, if it is what W3C Trace Context calls valid."""
    last = [b"", *(value for name, value in headers if name == "traceparent")][-1] or b""
    hexadecimal = [f"[0-9a-f]{{{length}}}" for length in (2, 32, 16, 2)]
    if not re.fullmatch("-".join(hexadecimal).encode(), last):
        return None
    version, trace, parent, _ = last.split(b"-")
    return None if version == b"ff" or not trace.strip(b"0") or not parent.strip(b"0") else last


def levels(value: Any) -> int:
    if isinstance(value, dict):
        value = list(value.values())
    return 1 + max(map(levels, value), default=0) if isinstance(value, list) else 0


def decode(value: bytes) -> Json:
    try:
        body = json.loads(
            value.decode("utf-8"),
            parse_constant=_refuse,
            parse_float=_finite(float),
            parse_int=_finite(int),
        )
        # An unpaired surrogate can be read but never be written again.
        json.dumps(body, ensure_ascii=False).encode("utf-8")
        if not isinstance(body, dict) or levels(body) > MAXIMUM_LEVELS:
            raise DeadLetterError("not_decodable")
    except (ValueError, RecursionError):
        raise DeadLetterError("not_decodable") from None
    return body


def _refuse(text: str) -> None:
    raise ValueError("not a JSON number")


def _finite(make: Callable[[str], float]) -> Callable[[str], float]:
    def parse(text: str) -> float:
        if math.isinf(float(text)):
            raise ValueError("overflow")
        return make(text)

    return parse


def partition_of(key: bytes, count: int) -> int:
    """murmur2 as the Java client computes it, made positive, modulo ``count``."""
    m, mask = 0x5BD1E995, 0xFFFFFFFF
    h = 0x9747B28C ^ len(key)
    whole = len(key) // 4 * 4
    for at in range(0, whole, 4):
        k = int.from_bytes(key[at : at + 4], "little") * m & mask
        k = (k ^ k >> 24) * m & mask
        h = (h * m & mask) ^ k
    if key[whole:]:
        h = (h ^ int.from_bytes(key[whole:], "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    h = h ^ h >> 15
    return (h & 0x7FFFFFFF) % count


def is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_fraction(value: Any) -> bool:
    return is_number(value) and 0 <= value <= 1


def is_positive(value: Any) -> bool:
    return is_number(value) and value > 0


def is_amount(value: Any) -> bool:
    return is_number(value) and value >= 0


def is_time(value: object) -> bool:
    return milliseconds(value) is not None


def is_object(value: object) -> bool:
    return isinstance(value, dict)


def is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= MAXIMUM_TEXT


def is_name(value: object) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= MAXIMUM_TEXT


def one_of(*choices: str) -> Callable[[object], bool]:
    return lambda value: isinstance(value, str) and value in choices


def is_version_1(value: object) -> bool:
    number, word = r"(?:0|[1-9][0-9]*)", r"[0-9A-Za-z-]+"
    before = rf"(?:{number}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
    semver = rf"1\.{number}\.{number}(?:-{before}(?:\.{before})*)?(?:\+{word}(?:\.{word})*)?"
    return isinstance(value, str) and re.fullmatch(semver, value) is not None


EXPECTED: dict[Any, str] = {
    is_fraction: "number from 0 to 1",
    is_positive: "number above 0",
    is_amount: "number of 0 or more",
    is_time: "RFC 3339 timestamp with offset",
    is_object: "object",
    is_text: "text of at most 128 characters",
    is_name: "text of 1 to 128 characters",
    is_version_1: "version 1.x.y",
}


def field(
    body: Json, path: str, holds: Callable[[Any], bool], expected: str = "", required: bool = False
) -> None:
    """Raises InvalidError unless the field holds. Null or absent is right where the field is not required."""
    value: Any = body
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    if (value is not None or required) and not holds(value):
        raise InvalidError(f"{path}: {expected or EXPECTED[holds]}")


def check_normalized(body: Json) -> None:
    field(
        body, "source", one_of("tradingview", "custom", "test"), "tradingview, custom or test", required=True
    )
    field(body, "instrument", is_name, required=True)
    field(body, "price", is_positive, required=True)
    field(body, "side", one_of("buy", "sell"), "buy or sell, or null")
    field(body, "strength", is_fraction)
    field(body, "timestamp", is_time, required=True)
    field(body, "normalized_at", is_time, required=True)


def check_enriched(body: Json, agent: str) -> None:
    """The first field that is wrong is reported: docs/decisions/validation-order.md."""
    field(body, "schema_version", is_version_1)
    field(body, "agent_name", is_name, "name of the topic's agent", required=True)
    field(body, "agent_version", is_text)
    field(body, "enriched_at", is_time, required=True)
    field(body, "source_signal", is_object)
    field(body, "source_signal.instrument", is_name)
    field(body, "source_signal.price", is_positive)
    field(body, "source_signal.side", one_of("buy", "sell"), "buy or sell, or null")
    field(body, "source_signal.timestamp", is_time)
    field(body, "analysis", is_object, required=True)
    field(body, "analysis.confidence", is_fraction, required=agent == "momentum")
    if agent == "momentum":
        field(body, "analysis.momentum_strength", is_fraction)
        field(
            body,
            "analysis.trend_direction",
            one_of("bullish", "bearish", "sideways", "unknown"),
            "bullish, bearish, sideways or unknown",
        )
        field(body, "analysis.technical_indicators", is_object)
    if agent == "risk":
        field(body, "analysis.overall_score", is_fraction, required=True)
        field(
            body,
            "analysis.risk_level",
            one_of("low", "medium", "high", "blocked"),
            "low, medium, high or blocked",
        )
        field(body, "analysis.position_sizing", is_object)
        field(body, "analysis.position_sizing.recommended_size", is_amount)
        field(body, "analysis.position_sizing.max_position_size", is_amount)
        field(body, "analysis.recommendations", is_object)
        field(body, "analysis.recommendations.suggested_stop_loss", is_positive)
        field(body, "analysis.recommendations.max_risk_per_trade", is_positive)
    if agent == "correlation":
        field(body, "analysis.portfolio_impact", is_fraction, required=True)

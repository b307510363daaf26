"""Intake: the one place where a record becomes a signal, or a dead letter. It never raises and never waits."""

import re
from collections.abc import Iterable
from hashlib import sha256
from typing import Any, NamedTuple

from orchestration.dead_letter import DeadLetter
from orchestration.decoding import MAXIMUM_BYTES, NotDecodableError, decode_object
from orchestration.ids import CORR_ID_EXPECTED, usable_corr_id
from orchestration.messages.base import Input
from orchestration.messages.enriched import EnrichedSignal
from orchestration.messages.fast_check import Check, Read, fast_check, fast_read
from orchestration.messages.validation import first_error
from orchestration.partitioning import partition_of
from orchestration.payload import input_model
from orchestration.record import Headers, Record
from orchestration.signal import (
    NORMALIZED,
    PROCESSING_ERROR,
    VALIDATION_ERROR,
    JsonObject,
    Signal,
    SignalError,
)

LATEST_TIMESTAMP = 253_370_764_799_999
"""The end of the year 9998, in ms: a day for the deadline and one for `valid_until` still fit into four digits."""

NORMALIZED_TOPIC = "signals.normalized"
ENRICHED_PREFIX = "signals.enriched."

_UNEXPECTED = "signal: one that can be processed"
_DISAGREEMENT = SignalError(PROCESSING_ERROR, _UNEXPECTED)
"""The check refuses what the model takes: without a payload nothing can be decided."""

_matches_traceparent = re.compile(
    rb"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
).fullmatch


class _Topic(NamedTuple):
    """``read`` and ``check`` give the payload of a message that is surely valid: from its bytes, and decoded."""

    agent: str
    model: type[Input]
    read: Read
    check: Check


class Intake:
    """Reads the records of the input topics: `signals.normalized`, and `signals.enriched.<agent>` for each of `agents`.

    One intake may serve all partitions. `remembered`: how many corr_ids' partitions it keeps at hand.
    Raises ValueError for a `partition_count` below 1.
    """

    def __init__(self, agents: Iterable[str], partition_count: int, remembered: int = 65_536) -> None:
        if partition_count < 1:
            raise ValueError("partition_count: 1 or more")
        self._partition_count = partition_count
        self._remembered = remembered
        self._topics = {NORMALIZED_TOPIC: _topic(NORMALIZED)}
        for agent in agents:
            self._topics[ENRICHED_PREFIX + agent] = _topic(agent)
        self.topics = frozenset(self._topics)
        """The input topics."""
        # A corr_id comes once per agent, and murmur2 in Python costs as much as decoding.
        self._places: dict[str, tuple[bytes, int]] = {}

    def read(self, record: Record) -> Signal | DeadLetter:
        """A valid signal; a signal with an error (an invalid enriched one, which counts as reported); or a dead letter."""
        try:
            return self._read(record)
        except Exception as error:  # noqa: BLE001 - whatever one record does to us, those behind it must be read
            return DeadLetter.of(record, PROCESSING_ERROR, _UNEXPECTED, error_class=_class(error))

    def _read(self, record: Record) -> Signal | DeadLetter:
        value = record.value
        if not value:
            return DeadLetter.of(record, "not_decodable", "value: JSON object in UTF-8")
        if len(value) > MAXIMUM_BYTES:
            return DeadLetter.of(record, "too_large", f"value: at most {MAXIMUM_BYTES} bytes")
        topic = self._topics.get(record.topic)
        if topic is not None:
            payload = topic.read(value)
            if payload is not None and self._in_place(record, topic, payload):
                return _valid(record, value, topic.agent, payload.corr_id, payload)
        return self._read_carefully(record, value)

    def _in_place(self, record: Record, topic: "_Topic", payload: Any) -> bool:
        """Whether `_misplaced` surely finds nothing."""
        agent, corr_id = topic.agent, payload.corr_id
        if agent != NORMALIZED and payload.agent_name != agent:  # noqa: PLR1714 - only an agent's payload has a name
            return False
        place = self._places.get(corr_id) or self._place(corr_id)
        if place is None:
            return False
        key, partition = place
        return (
            record.key == key and record.partition == partition and 0 <= record.timestamp <= LATEST_TIMESTAMP
        )

    def _read_carefully(self, record: Record, value: bytes) -> Signal | DeadLetter:
        """What is not surely valid: each question in its order, so that the first error is the one that is named."""
        try:
            body = decode_object(value)
        except NotDecodableError:
            return DeadLetter.of(record, "not_decodable", "value: JSON object in UTF-8")
        corr_id = body.get("corr_id")
        place = self._places.get(corr_id) if type(corr_id) is str else None
        if place is None:
            place = self._place(corr_id)
        if place is None:
            return DeadLetter.of(record, "no_corr_id", f"corr_id: {CORR_ID_EXPECTED}")
        misplaced = self._misplaced(record, body, place)
        if misplaced is not None:
            return DeadLetter.of(record, *misplaced, corr_id=corr_id)
        return self._signal(record, value, body)

    def _place(self, corr_id: object) -> tuple[bytes, int] | None:
        """Key and partition of a corr_id that is not remembered; None for one that is not usable."""
        if type(corr_id) is not str or not usable_corr_id(corr_id):
            return None
        if len(self._places) >= self._remembered:
            self._places.clear()
        key = corr_id.encode()
        place = self._places[corr_id] = (key, partition_of(key, self._partition_count))
        return place

    def _misplaced(
        self, record: Record, body: JsonObject, place: tuple[bytes, int]
    ) -> tuple[str, str] | None:
        topic = self._topics.get(record.topic)
        if topic is None:
            return "wrong_topic", "topic: one of the input topics"
        if topic.agent != NORMALIZED:
            agent_name = body.get("agent_name")
            if agent_name != topic.agent and isinstance(agent_name, str):
                return "wrong_topic", "agent_name: name of the topic's agent"
        key, partition = place
        if record.key != key:
            return "wrong_key", "key: the corr_id"
        if record.partition != partition:
            return "wrong_partition", "partition: murmur2 of the corr_id, modulo the partition count"
        if not 0 <= record.timestamp <= LATEST_TIMESTAMP:
            # A producer's clock may say anything: a deadline after the year 9999 cannot be written down.
            return PROCESSING_ERROR, "timestamp: from 1970 to 9998"
        return None

    def _signal(self, record: Record, value: bytes, body: JsonObject) -> Signal | DeadLetter:
        agent, model, _, check = self._topics[record.topic]
        payload: Any = None
        error: SignalError | None = None
        try:
            payload = check(body)
            if payload is None:
                message = first_error(model, body)
                error = _DISAGREEMENT if message is None else SignalError(VALIDATION_ERROR, message)
        except Exception:  # noqa: BLE001 - the agent has reported, whatever it was that we could not read
            error = SignalError(PROCESSING_ERROR, _UNEXPECTED)
        corr_id: str = body["corr_id"]
        if error is None:
            return _valid(record, value, agent, corr_id, payload)
        if agent == NORMALIZED:
            return DeadLetter.of(record, error.type, error.message, corr_id=corr_id)
        return Signal(
            corr_id,
            agent,
            record.topic,
            record.partition,
            record.offset,
            record.timestamp,
            None,
            sha256(value).digest(),
            None,
            error,
            _traceparent(record.headers),
        )


def _valid(record: Record, value: bytes, agent: str, corr_id: str, payload: Any) -> Signal:
    return Signal(
        corr_id,
        agent,
        record.topic,
        record.partition,
        record.offset,
        record.timestamp,
        value,
        sha256(value).digest(),
        payload,
        None,
        _traceparent(headers) if (headers := record.headers) else None,
    )


def _topic(agent: str) -> _Topic:
    model = input_model(agent)
    # An agent that promises nothing of its own always says more than the model names: only what is decoded whole tells.
    read = _unsure if model is EnrichedSignal else fast_read(model, checked_later=("corr_id",))
    return _Topic(agent, model, read, fast_check(model))


def _unsure(_: bytes) -> None:
    return None


def _class(error: Exception) -> str:
    return f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")


def _traceparent(headers: Headers) -> str | None:
    """The W3C trace context that the record came with, where its last one is well-formed."""
    for name, value in reversed(headers):
        if name == "traceparent":
            return value.decode("ascii") if value and _matches_traceparent(value) else None
    return None

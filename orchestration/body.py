"""Payloads of valid signals as plain dicts, and look-ups in them that never fail."""

from typing import Any

import msgspec

from orchestration.signal import JsonObject, Signal
from orchestration.timestamps import format_timestamp, parse_timestamp

_WRITTEN_LENGTH = len("2026-01-15T10:30:04.120Z")

_decode = msgspec.json.Decoder().decode


def body_of(signal: Signal) -> JsonObject:
    """The payload of a valid signal as a dict: decoded when it is asked for, since most fields are read from the struct."""
    if signal.body is not None:
        return signal.body
    if signal.value is None:
        raise ValueError("signal: only a valid one has a payload")
    body: JsonObject = _decode(signal.value)
    signal.body = body
    return body


def written(timestamp: str) -> str:
    """A valid timestamp of a payload in the form in which we write it: UTC, milliseconds, ``Z``."""
    # Among valid ones only that form is as long and ends so; nearly all senders use it, and a round trip costs 3 us.
    if len(timestamp) == _WRITTEN_LENGTH and timestamp[-1] == "Z":
        return timestamp
    return format_timestamp(parse_timestamp(timestamp))


def at(found: Any, *path: str) -> Any:
    """The value at a path of keys; None where any of them is missing, null, or not in an object."""
    for name in path:
        if type(found) is not dict:
            return None
        found = found.get(name)
    return found


def number_in(found: Any, name: str) -> float | None:
    """The number of that name in an object; None where there is something else. A truth value is no number."""
    if type(found) is not dict:
        return None
    value = found.get(name)
    if type(value) is float:
        return value
    if type(value) is int:
        try:
            return float(value)
        except OverflowError:
            # JSON allows 400 digits in a row: one such record must not end each worker that reads it.
            return None
    return None

"""From the bytes of a record to a JSON object, with the limits that make the answer the same everywhere."""

import re
from typing import Any

import msgspec

from orchestration.signal import JsonObject

MAXIMUM_BYTES = 1024 * 1024
MAXIMUM_DEPTH = 100

_decode = msgspec.json.Decoder().decode

# An integer needs 309 digits to be too large for a float. So many in a row hold two neighbours of every 100th byte:
# the sample spares the walk over nearly every message.
_SAMPLE = 100
_sampled_digits = re.compile(rb"[0-9][0-9]").search


class NotDecodableError(ValueError):
    """The bytes are no JSON object that we take."""


def decode_object(value: bytes) -> JsonObject:
    """The JSON object in `value`; where a key stands twice, the last one counts.

    Raises NotDecodableError for anything else: not JSON, not UTF-8, a lone surrogate, a number that no float can hold,
    more than 100 levels.
    """
    try:
        body = _decode(value)
    except (ValueError, RecursionError):  # msgspec.DecodeError and UnicodeDecodeError are ValueErrors
        raise NotDecodableError from None
    if type(body) is not dict:
        raise NotDecodableError
    # How deep the decoder itself can go hangs on the caller's stack: without a limit of our own below that, one
    # record would be decodable in a replay and not in the worker.
    # (Few messages have a list, and to find none takes a tenth of counting none.)
    brackets = value.count(b"{") + (value.count(b"[") if b"[" in value else 0)
    if brackets > MAXIMUM_DEPTH or _sampled_digits(value[::_SAMPLE]):
        _check_whole(body)
    return body


def _check_whole(body: JsonObject) -> None:
    level: list[Any] = [body]
    for _ in range(MAXIMUM_DEPTH):
        below: list[Any] = []
        for item in level:
            if type(item) is dict:
                below += item.values()
            elif type(item) is list:
                below += item
            elif type(item) is int:
                _check_integer(item)
        if not below:
            return
        level = below
    if any(type(item) in (dict, list) for item in level):
        raise NotDecodableError
    for item in level:
        if type(item) is int:
            _check_integer(item)


def _check_integer(value: int) -> None:
    try:
        float(value)
    except OverflowError:
        raise NotDecodableError from None

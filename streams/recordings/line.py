"""One record as one line of JSON, and back, byte for byte.

    {"topic":"signals.normalized","partition":3,"offset":41,"timestamp":1768473000000,"key":"req_1","value":{…}}

A value that is a JSON object stands in the line as it was received, so that `jq` and people can read it. What a line of text
cannot hold so (no JSON object, line breaks inside, no UTF-8) stands as `value_base64`; the same for keys and headers.
"""

from base64 import b64decode, b64encode
from typing import Any

import msgspec

from orchestration.decoding import NotDecodableError, decode_object
from orchestration.record import Headers, LogRecord

_LARGEST_PARTITION = 2**31 - 1
_LARGEST_NUMBER = 2**63 - 1


class BadLine(ValueError):
    """Not a record. The text says what was expected, for people."""


class _Header(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    name: str
    value: str | None = None
    value_base64: str | None = None


class _Line(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    topic: str
    partition: int
    offset: int
    timestamp: int
    key: str | None = None
    key_base64: str | None = None
    headers: list[_Header] = []
    value: msgspec.Raw = msgspec.Raw(b"null")
    value_base64: str | None = None


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Line).decode
_NULL = b"null"


def write_line(record: LogRecord) -> bytes:
    """The line with its line break."""
    key, key_base64 = _text(record.key)
    value, value_base64 = _value(record.value)
    line = _Line(
        record.topic,
        record.partition,
        record.offset,
        record.timestamp,
        key,
        key_base64,
        [_Header(name, *_text(content)) for name, content in record.headers],
        value,
        value_base64,
    )
    return _encode(line) + b"\n"


def read_line(line: bytes) -> LogRecord:
    """Raises BadLine."""
    try:
        read = _decode(line)
    except (ValueError, RecursionError) as error:  # msgspec's errors and UnicodeDecodeError are ValueErrors
        raise BadLine(_reason(error)) from None
    if read.value_base64 is None:
        # Bytes of their own: the Raw keeps its whole line in memory.
        raw = bytes(read.value)
        value = None if raw == _NULL else raw
    else:
        value = _from_base64(read.value_base64, "value_base64")
    if read.key is not None:
        key: bytes | None = read.key.encode()
    else:
        key = None if read.key_base64 is None else _from_base64(read.key_base64, "key_base64")
    headers: Headers = ()
    if read.headers:
        headers = [(header.name, _header_value(header)) for header in read.headers]
    if read.partition < 0 or read.offset < 0 or read.partition > _LARGEST_PARTITION:
        raise BadLine("partition and offset: 0 or more")
    if not -1 <= read.timestamp <= _LARGEST_NUMBER or read.offset > _LARGEST_NUMBER:
        raise BadLine("offset and timestamp: a number of at most 64 bits, timestamp from -1 on")
    return LogRecord(read.topic, read.partition, read.offset, read.timestamp, key, value, headers)


def _text(content: bytes | None) -> tuple[str | None, str | None]:
    """As text, or else as base64."""
    if content is None:
        return None, None
    try:
        return content.decode(), None
    except UnicodeDecodeError:
        return None, b64encode(content).decode()


def _value(value: bytes | None) -> tuple[msgspec.Raw, str | None]:
    if value is None:
        return msgspec.Raw(_NULL), None
    # Braces at both ends: a reader cuts white space around a value off, and it would not come back.
    if value[:1] == b"{" and value[-1:] == b"}" and b"\n" not in value and b"\r" not in value:
        try:
            value.decode()
            decode_object(value)
        except (NotDecodableError, UnicodeDecodeError):
            pass
        else:
            return msgspec.Raw(value), None
    return msgspec.Raw(_NULL), b64encode(value).decode()


def _header_value(header: _Header) -> Any:
    if header.value_base64 is not None:
        return _from_base64(header.value_base64, "headers.value_base64")
    return None if header.value is None else header.value.encode()


def _from_base64(text: str, field: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except ValueError:
        raise BadLine(f"{field}: base64") from None


def _reason(error: Exception) -> str:
    if isinstance(error, msgspec.ValidationError):
        return f"a record: {error}"
    return "one JSON object a line, in UTF-8"

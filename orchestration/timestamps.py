"""Timestamps: RFC 3339 text outside, milliseconds since the epoch (UTC) inside."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

# `datetime.fromisoformat` is quick, but takes far more than RFC 3339: week dates, a space for the T, no seconds,
# no offset, and from Python 3.13 on the hour 24. So the form is checked first. (Single classes, since `{2}` costs
# twice the time.)
_RFC_3339 = re.compile(
    r"[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]+)?"
    r"(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)
_matches = _RFC_3339.fullmatch
_from_iso = datetime.fromisoformat

_USUAL_LENGTH = len("2026-01-15T10:30:04.120Z")
# What stands after the minute in the form that nearly all senders use.
_SECONDS = {f":{second:02}": second * 1000 for second in range(60)}
_FRACTIONS = {f".{millisecond:03}Z": millisecond for millisecond in range(1000)}
_SECOND_TEXTS = tuple(_SECONDS)
_FRACTION_TEXTS = tuple(_FRACTIONS)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SMALLEST = -62_135_596_800_000
_LARGEST = 253_402_300_799_999

EXPECTED = "RFC 3339 timestamp with offset"


def milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def parse_timestamp(text: str) -> int:
    """Milliseconds since the epoch, UTC. A finer fraction is cut, never rounded.

    Raises ValueError unless `text` is RFC 3339 with upper-case ``T`` and ``Z`` (or an offset such as ``+01:00``),
    without a leap second, and within the years 0001 to 9999 in UTC.
    """
    # Other forms can be of any length, and what is remembered must not fill the memory.
    return _parse_usual(text) if len(text) == _USUAL_LENGTH else _parse(text)


@lru_cache(maxsize=4096)
def _parse_usual(text: str) -> int:
    """Remembered, since all signals of a correlation repeat the time of its source, and a decision reads it once more."""
    second, fraction = _SECONDS.get(text[16:19]), _FRACTIONS.get(text[19:])
    if second is None or fraction is None:
        return _parse(text)
    return _minute(text[:16]) + second + fraction


@lru_cache(maxsize=4096)
def _minute(text: str) -> int:
    """Milliseconds of ``2026-01-15T10:30``, UTC. The signals of a while share few minutes."""
    return _parse(text + ":00Z")


def _parse(text: str) -> int:
    if _matches(text) is None:
        raise ValueError(EXPECTED)
    try:
        since = _from_iso(text) - _EPOCH
    except ValueError:
        raise ValueError(EXPECTED) from None
    milliseconds = since.days * 86_400_000 + since.seconds * 1000 + since.microseconds // 1000
    if not _SMALLEST <= milliseconds <= _LARGEST:
        raise ValueError(EXPECTED)
    return milliseconds


def format_timestamp(milliseconds: int) -> str:
    """``2026-01-15T10:30:04.120Z``: UTC, always three digits after the second. ValueError outside the years 0001 to 9999."""
    minute = milliseconds // 60_000
    rest = milliseconds - minute * 60_000
    return _minute_text(minute) + _SECOND_TEXTS[rest // 1000] + _FRACTION_TEXTS[rest % 1000]


@lru_cache(maxsize=4096)
def _minute_text(minute: int) -> str:
    """``2026-01-15T10:30``. The signals of a while share few minutes, and a datetime's text costs microseconds."""
    try:
        return (_EPOCH + timedelta(minutes=minute)).isoformat()[:16]
    except OverflowError:
        raise ValueError("milliseconds: within the years 0001 to 9999") from None

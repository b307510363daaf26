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

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SMALLEST = -62_135_596_800_000
_LARGEST = 253_402_300_799_999

EXPECTED = "RFC 3339 timestamp with offset"


def parse_timestamp(text: str) -> int:
    """Milliseconds since the epoch, UTC. A finer fraction is cut, never rounded.

    Raises ValueError unless `text` is RFC 3339 with upper-case ``T`` and ``Z`` (or an offset such as ``+01:00``),
    without a leap second, and within the years 0001 to 9999 in UTC.
    """
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
    minute, rest = divmod(milliseconds, 60_000)
    digits = str(100_000 + rest)
    return f"{_minute_text(minute)}{digits[1:3]}.{digits[3:]}Z"


@lru_cache(maxsize=4096)
def _minute_text(minute: int) -> str:
    """``2026-01-15T10:30:``. The signals of a while share few minutes, and a datetime's text costs microseconds."""
    try:
        return (_EPOCH + timedelta(minutes=minute)).isoformat()[:17]
    except OverflowError:
        raise ValueError("milliseconds: within the years 0001 to 9999") from None

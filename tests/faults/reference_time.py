"""Timestamps (contracts §3): RFC 3339 text to milliseconds since the epoch and back."""

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
RFC_3339 = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?(?:Z|([+-])([0-9]{2}):([0-9]{2}))"
)


def milliseconds(text: object) -> int | None:
    """RFC 3339 text in ms since the epoch, the fraction cut; None when it is not such a text."""
    return _milliseconds(text) if isinstance(text, str) else None


@lru_cache(65_536)
def _milliseconds(text: str) -> int | None:
    match = RFC_3339.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(match[i]) for i in range(1, 7))
    offset = timedelta()
    if match[8]:
        if int(match[9]) > 23 or int(match[10]) > 59:
            return None
        offset = timedelta(hours=int(match[9]), minutes=int(match[10])) * (-1 if match[8] == "-" else 1)
    fraction = int(((match[7] or "") + "000")[:3])
    try:
        local = datetime(year, month, day, hour, minute, second, fraction * 1000, timezone(offset))
        return (local.astimezone(UTC) - EPOCH) // timedelta(milliseconds=1)
    except (ValueError, OverflowError):
        return None


def milliseconds_of(text: str) -> int:
    ms = milliseconds(text)
    assert ms is not None
    return ms


@lru_cache(65_536)
def time_text(ms: int) -> str:
    return (EPOCH + timedelta(milliseconds=ms)).isoformat(timespec="milliseconds").replace("+00:00", "Z")

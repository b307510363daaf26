from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.timestamps import format_timestamp, parse_timestamp

FIRST = -62_135_596_800_000
LAST = 253_402_300_799_999


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-01-15T10:30:04.120Z", "2026-01-15T10:30:04.120Z"),
        ("2026-01-15T10:30:04Z", "2026-01-15T10:30:04.000Z"),
        ("2026-01-15T10:30:04.1Z", "2026-01-15T10:30:04.100Z"),
        ("2026-01-15T10:30:04.1239999999Z", "2026-01-15T10:30:04.123Z"),
        ("1969-12-31T23:59:59.9999Z", "1969-12-31T23:59:59.999Z"),
        ("2026-01-15T11:30:04.120+01:00", "2026-01-15T10:30:04.120Z"),
        ("2026-01-14T23:30:00-11:00", "2026-01-15T10:30:00.000Z"),
        ("2026-01-15T10:30:04-00:00", "2026-01-15T10:30:04.000Z"),
        ("2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"),
        ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999Z"),
    ],
)
def test_rfc_3339_is_read_and_cut_to_milliseconds_in_utc(text: str, utc: str) -> None:
    assert format_timestamp(parse_timestamp(text)) == utc


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-01-15",
        "2026-01-15T10:30:04",
        "2026-01-15T10:30:04.120",
        "2026-01-15 10:30:04Z",
        "2026-01-15t10:30:04Z",
        "2026-01-15T10:30:04z",
        "2026-01-15T10:30Z",
        "2026-01-15T10:30:04,120Z",
        "2026-01-15T10:30:04.Z",
        "2026-01-15T10:30:04+0100",
        "2026-01-15T10:30:04+01",
        "2026-01-15T10:30:04+01:00:00",
        "2026-01-15T10:30:04+24:00",
        "2026-01-15T10:30:04+01:60",
        "2026-01-15T24:00:00Z",
        "2026-01-15T10:60:00Z",
        "2026-01-15T10:30:60Z",
        "2026-02-29T10:30:04Z",
        "2026-13-01T10:30:04Z",
        "2026-00-01T10:30:04Z",
        "2026-W03-4T10:30:04Z",
        "20260115T103004Z",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        " 2026-01-15T10:30:04Z",
        "2026-01-15T10:30:04Z\n",
        "٢٠٢٦-01-15T10:30:04Z",
        "1768473004120",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="RFC 3339"):
        parse_timestamp(text)


def test_a_fraction_of_any_length_is_read() -> None:
    assert parse_timestamp("1970-01-01T00:00:00." + "1" * 100_000 + "Z") == 111


@given(st.integers(FIRST, LAST))
def test_what_is_written_is_read_back(milliseconds: int) -> None:
    text = format_timestamp(milliseconds)
    assert len(text) == 24
    assert parse_timestamp(text) == milliseconds


@given(
    st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31)),  # noqa: DTZ001 - the offset comes next
    st.integers(-1439, 1439),
)
def test_it_agrees_with_datetime(local: datetime, minutes: int) -> None:
    moment = local.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    expected = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    assert parse_timestamp(moment.isoformat()) == expected


@pytest.mark.parametrize("milliseconds", [FIRST - 1, LAST + 1, 10**30])
def test_a_time_outside_the_calendar_is_not_written(milliseconds: int) -> None:
    with pytest.raises(ValueError, match="years 0001 to 9999"):
        format_timestamp(milliseconds)

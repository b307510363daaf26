"""Recorded market bars, read from the CSV files that two packages ship; neither package is ever imported.

`backtesting` (AGPL): EUR/USD by the hour, 2017-18, gathered into bars of four hours, since the averages of single hours
hardly ever lie the 0.2 % apart that the momentum agent asks for; and BTC/USD by the month, 2012-24.
`bokeh_sampledata`: AAPL, GOOG, IBM and MSFT by the day, 2000-13.
"""

import csv
import gzip
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path

from agents.trading.history import Bar

STOCKS = ("AAPL", "GOOG", "IBM", "MSFT")
STOCKS_FROM = date(2007, 6, 1)
"""No split from here on, so that prices stand as they were traded; and the crash of 2008 is in the first two years."""


class BarsNotInstalled(Exception):
    """The packages of the extra `demo` are not there. The message says which and what to do."""


def market_bars() -> dict[str, list[Bar]]:
    """All bars by instrument, oldest first."""
    stocks = _stocks(_package_folder("bokeh_sampledata") / "_data" / "stocks.csv.gz")
    samples = _package_folder("backtesting") / "test"
    return {
        "EURUSD": four_hour_bars(_sample(samples / "EURUSD.csv", "1h")),
        "BTC/USD": _sample(samples / "BTCUSD.csv", "1M"),
        **{ticker: stocks[ticker] for ticker in STOCKS},
    }


def four_hour_bars(hourly: Iterable[Bar]) -> list[Bar]:
    """First open, highest high, lowest low, last close and the sum of the volumes of each four hours from midnight UTC."""
    return [_gathered(list(hours)) for _, hours in groupby(hourly, _four_hours)]


def _four_hours(bar: Bar) -> tuple[str, int]:
    date_part, time_part = bar.time.split("T")
    return date_part, int(time_part[:2]) // 4


def _gathered(hours: Sequence[Bar]) -> Bar:
    return Bar(
        time=hours[0].time,
        interval="4h",
        open=hours[0].open,
        high=max(bar.high for bar in hours),
        low=min(bar.low for bar in hours),
        close=hours[-1].close,
        volume=sum(bar.volume for bar in hours),
    )


def _package_folder(name: str) -> Path:
    # find_spec of a top-level name only looks for it: the AGPL code is not run.
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise BarsNotInstalled(
            f"The demo plays market bars from the package {name}, which is not installed: "
            "install the project with its extra, signal-orchestrator[demo]."
        )
    return Path(next(iter(spec.submodule_search_locations)))


def _sample(path: Path, interval: str) -> list[Bar]:
    with path.open(newline="", encoding="utf-8") as file:
        return [_bar(row, row[""], interval) for row in csv.DictReader(file)]


def _stocks(path: Path) -> dict[str, list[Bar]]:
    bars: dict[str, list[Bar]] = {ticker: [] for ticker in STOCKS}
    with gzip.open(path, "rt", newline="", encoding="utf-8") as file:
        for row in _since(csv.DictReader(file), STOCKS_FROM):
            bars[row["Ticker"]].append(_bar(row, row["Date"], "1d"))
    return bars


def _since(rows: Iterable[Mapping[str, str]], first: date) -> Iterable[Mapping[str, str]]:
    return (row for row in rows if row["Ticker"] in STOCKS and row["Date"] >= first.isoformat())


def _bar(row: Mapping[str, str], time: str, interval: str) -> Bar:
    moment = datetime.fromisoformat(time).replace(tzinfo=UTC)
    return Bar(
        time=moment.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        interval=interval,
        open=float(row["Open"]),
        high=float(row["High"]),
        low=float(row["Low"]),
        close=float(row["Close"]),
        volume=float(row["Volume"]),
    )

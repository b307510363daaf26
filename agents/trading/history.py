"""What a trading agent remembers of the market: the bars of each instrument, taken from the signals that it has seen."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

KEPT_BARS = 120
"""Wilder's smoothing over 14 bars has forgotten all but 0.1 % of what lies further back."""

BARS_PER_YEAR: Mapping[str, float] = {"1h": 24 * 260, "4h": 6 * 260, "1d": 252, "1M": 12}
"""How volatility is annualised: trading hours of the currency market, trading days of an exchange, months."""


@dataclass(frozen=True, slots=True)
class Bar:
    """Prices in quote units; ``time`` is the bar's own, as RFC 3339 text, which sorts by time."""

    time: str
    interval: str
    open: float
    high: float
    low: float
    close: float
    volume: float


@dataclass(slots=True)
class Bars:
    """One instrument's bars up to one of them, oldest first, as the columns that indicators take."""

    times: list[str] = field(default_factory=list)
    highs: list[float] = field(default_factory=list)
    lows: list[float] = field(default_factory=list)
    closes: list[float] = field(default_factory=list)
    volumes: list[float] = field(default_factory=list)
    interval: str = ""

    @property
    def bars_per_year(self) -> float | None:
        return BARS_PER_YEAR.get(self.interval)


def bar_of(signal: Mapping[str, Any]) -> Bar | None:
    """The market bar that a normalized signal carries beside its own fields, or None where it carries none that is whole."""
    body = signal.get("bar")
    if not isinstance(body, dict) or not isinstance(body.get("time"), str):
        return None
    numbers = [
        float(number)
        for number in (body.get(name) for name in ("open", "high", "low", "close", "volume"))
        if isinstance(number, int | float) and not isinstance(number, bool) and isfinite(number)
    ]
    if len(numbers) < 5 or min(numbers[:4]) <= 0 or numbers[4] < 0:
        return None
    return Bar(body["time"], str(body.get("interval", "")), *numbers)


class History:
    """The newest ``KEPT_BARS`` bars of each instrument, in the order of their own times.

    An instrument's signals lie on many partitions, so they can be read out of order, and more than once: a bar is put
    in its place by its time, and the same bar again changes nothing.
    """

    def __init__(self) -> None:
        self._times: dict[str, list[str]] = {}
        self._bars: dict[str, list[Bar]] = {}

    def add(self, instrument: str, bar: Bar) -> bool:
        """True if the bar is new."""
        times = self._times.setdefault(instrument, [])
        bars = self._bars.setdefault(instrument, [])
        place = bisect_left(times, bar.time)
        if place < len(times) and times[place] == bar.time:
            return False
        times.insert(place, bar.time)
        bars.insert(place, bar)
        del times[:-KEPT_BARS], bars[:-KEPT_BARS]
        return True

    def until(self, instrument: str, time: str) -> Bars:
        """The bars no later than ``time``: an analysis must not see the future of its signal."""
        bars = self._bars.get(instrument, [])[: bisect_right(self._times.get(instrument, []), time)]
        return Bars(
            times=[bar.time for bar in bars],
            highs=[bar.high for bar in bars],
            lows=[bar.low for bar in bars],
            closes=[bar.close for bar in bars],
            volumes=[bar.volume for bar in bars],
            interval=bars[-1].interval if bars else "",
        )

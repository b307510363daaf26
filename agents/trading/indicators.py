"""Technical indicators by their textbook definitions: pure functions of the newest-last sequences that they are given.

Each returns None where the data does not suffice; none returns a number that is not finite.
"""

from collections.abc import Sequence
from itertools import pairwise
from math import log, sqrt
from statistics import fmean, stdev


def moving_average(values: Sequence[float], period: int) -> float | None:
    """Simple mean of the last ``period`` values, in their unit."""
    if len(values) < period:
        return None
    return fmean(values[-period:])


def relative_strength_index(closes: Sequence[float], period: int = 14) -> float | None:
    """Wilder's RSI, 0..100: his smoothing starts with the plain mean of the first ``period`` changes.

    It depends on the whole sequence: how far back ``closes`` begin shows, fading by 1/period a bar. A price that never
    moved is 50, neither strong nor weak.
    """
    if len(closes) <= period:
        return None
    changes = [after - before for before, after in pairwise(closes)]
    gain = sum(change for change in changes[:period] if change > 0) / period
    loss = -sum(change for change in changes[:period] if change < 0) / period
    for change in changes[period:]:
        gain = (gain * (period - 1) + max(change, 0.0)) / period
        loss = (loss * (period - 1) + max(-change, 0.0)) / period
    if gain + loss == 0:
        return 50.0
    return 100 * (gain / (gain + loss))


def true_range(high: float, low: float, previous_close: float) -> float:
    """Wilder's true range, in price units: the bar's own range, widened by a gap from the close before it."""
    return max(high, previous_close) - min(low, previous_close)


def average_true_range(
    highs: Sequence[float], lows: Sequence[float], closes: Sequence[float], period: int = 14
) -> float | None:
    """Wilder's ATR, in price units: the true ranges, smoothed as in his RSI."""
    if len(closes) <= period:
        return None
    ranges = [
        true_range(high, low, previous)
        for high, low, previous in zip(highs[1:], lows[1:], closes, strict=False)
    ]
    average = fmean(ranges[:period])
    for latest in ranges[period:]:
        average = (average * (period - 1) + latest) / period
    return average


def log_returns(closes: Sequence[float]) -> list[float]:
    """ln(close / previous close): one fewer than there are closes, which must all be positive."""
    return [log(after / before) for before, after in pairwise(closes)]


def annualised_volatility(closes: Sequence[float], period: int, bars_per_year: float) -> float | None:
    """Sample standard deviation of the last ``period`` log returns × √bars per year; 0.2 is 20 % a year."""
    if len(closes) <= period or period < 2:
        return None
    return stdev(log_returns(closes[-period - 1 :])) * sqrt(bars_per_year)


def correlation(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Pearson's coefficient of two sequences of the same length, -1..1; None where one of them does not vary."""
    if len(first) < 2:
        return None
    first_mean, second_mean = fmean(first), fmean(second)
    first_deviations = [value - first_mean for value in first]
    second_deviations = [value - second_mean for value in second]
    scale = sqrt(sum(d * d for d in first_deviations) * sum(d * d for d in second_deviations))
    if scale == 0:
        return None
    covariance = sum(a * b for a, b in zip(first_deviations, second_deviations, strict=True))
    # Rounding can leave a perfect correlation at 1.0000000000000002.
    return max(-1.0, min(1.0, covariance / scale))


def volume_ratio(volumes: Sequence[float], period: int = 20) -> float | None:
    """The last volume ÷ the mean of the ``period`` before it: 1.0 is as busy as usual."""
    if len(volumes) <= period:
        return None
    usual = fmean(volumes[-period - 1 : -1])
    return volumes[-1] / usual if usual > 0 else None

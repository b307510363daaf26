"""Indicators against values worked out by hand or published beside the definition."""

from math import log, sqrt

import pytest

from agents.trading.indicators import (
    annualised_volatility,
    average_true_range,
    correlation,
    moving_average,
    relative_strength_index,
    true_range,
    volume_ratio,
)

# The worked example of Wilder's RSI that charting manuals print, with its results.
RSI_CLOSES = [
    *(44.3389, 44.0902, 44.1497, 43.6124, 44.3278, 44.8264, 45.0955, 45.4245, 45.8433, 46.0826),
    *(45.8931, 46.0328, 45.6140, 46.2820, 46.2820, 46.0028, 46.0328, 46.4116, 46.2222, 45.6439),
]
RSI_VALUES = {15: 70.53, 16: 66.32, 17: 66.55, 18: 69.41, 19: 66.36, 20: 57.97}


def test_a_moving_average_is_the_mean_of_the_last_values() -> None:
    assert moving_average([100.0, 1.0, 2.0, 6.0], 3) == 3.0


def test_a_moving_average_needs_as_many_values_as_its_period() -> None:
    assert moving_average([1.0, 2.0], 3) is None


@pytest.mark.parametrize(("bars", "published"), RSI_VALUES.items())
def test_rsi_agrees_with_the_published_example(bars: int, published: float) -> None:
    assert relative_strength_index(RSI_CLOSES[:bars]) == pytest.approx(published, abs=0.02)


def test_rsi_smooths_as_wilder_does() -> None:
    # Period 2: changes +1, -1 give averages 0.5 and 0.5; then +2 makes them 1.25 and 0.25.
    assert relative_strength_index([10.0, 11.0, 10.0, 12.0], 2) == pytest.approx(100 * 1.25 / 1.5)


@pytest.mark.parametrize(
    ("closes", "expected"),
    [([1.0, 2.0, 3.0], 100.0), ([3.0, 2.0, 1.0], 0.0), ([2.0, 2.0, 2.0], 50.0)],
    ids=["only up", "only down", "no move"],
)
def test_rsi_at_its_ends(closes: list[float], expected: float) -> None:
    assert relative_strength_index(closes, 2) == expected


def test_rsi_needs_one_close_more_than_its_period() -> None:
    assert relative_strength_index(RSI_CLOSES[:14]) is None


@pytest.mark.parametrize(
    ("previous_close", "expected"),
    [(9.5, 2.0), (12.0, 3.0), (7.0, 3.0)],
    ids=["inside", "gap down", "gap up"],
)
def test_a_gap_widens_the_true_range(previous_close: float, expected: float) -> None:
    high, low = (11.0, 9.0) if previous_close != 7.0 else (10.0, 8.0)
    assert true_range(high, low, previous_close) == expected


def test_average_true_range_starts_with_a_mean_and_is_smoothed_from_there() -> None:
    highs, lows, closes = [10.0, 12.0, 13.0, 16.0], [9.0, 10.0, 11.0, 12.0], [10.0, 11.0, 12.0, 15.0]
    # True ranges 2, 2 and 4 with period 2: (2 + 2) / 2, then (2 · 1 + 4) / 2.
    assert average_true_range(highs, lows, closes, 2) == 3.0


def test_average_true_range_needs_a_close_before_its_first_range() -> None:
    assert average_true_range([1.0, 2.0], [1.0, 2.0], [1.0, 2.0], 2) is None


def test_volatility_is_the_sample_deviation_of_log_returns_scaled_to_a_year() -> None:
    # Returns +r and -r: the mean is 0, the sample variance 2 r² / (2 - 1).
    r = log(1.1)
    assert annualised_volatility([100.0, 110.0, 100.0], 2, 252) == pytest.approx(sqrt(2) * r * sqrt(252))


def test_a_steady_growth_has_no_volatility() -> None:
    assert annualised_volatility([1.0, 2.0, 4.0, 8.0], 3, 252) == pytest.approx(0.0, abs=1e-12)


def test_volatility_looks_at_its_period_only() -> None:
    assert annualised_volatility([1.0, 9.0, 9.0, 9.0], 2, 252) == 0.0


def test_correlation_of_a_hand_worked_sample() -> None:
    # Deviations (-1, 0, 1) and (-1, 1, 0): 1 / √(2 · 2).
    assert correlation([1.0, 2.0, 3.0], [1.0, 3.0, 2.0]) == pytest.approx(0.5)


@pytest.mark.parametrize(("second", "expected"), [([0.2, 0.4, 0.6], 1.0), ([3.0, 2.0, 1.0], -1.0)])
def test_correlation_never_leaves_its_bounds(second: list[float], expected: float) -> None:
    value = correlation([0.1, 0.2, 0.3], second)
    assert value == pytest.approx(expected)
    assert -1.0 <= (value or 9.0) <= 1.0


def test_something_that_does_not_vary_has_no_correlation() -> None:
    assert correlation([1.0, 1.0], [1.0, 2.0]) is None


def test_volume_is_compared_with_the_bars_before_it() -> None:
    assert volume_ratio([999.0, 10.0, 20.0, 30.0], 2) == 2.0


@pytest.mark.parametrize("volumes", [[1.0, 2.0], [0.0, 0.0, 5.0]], ids=["too few", "nothing traded before"])
def test_no_volume_ratio_without_a_usual_volume(volumes: list[float]) -> None:
    assert volume_ratio(volumes, 2) is None

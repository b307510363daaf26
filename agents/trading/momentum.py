"""The momentum agent: moving averages, RSI and volume, and silence where they show nothing."""

from collections.abc import Mapping
from typing import Any

from agents.trading.history import Bars, History, bar_of
from agents.trading.indicators import (
    average_true_range,
    moving_average,
    relative_strength_index,
    volume_ratio,
)

FAST, SLOW = 10, 20
CROSS_SEPARATION = 0.002
"""The averages must lie 0.2 % apart: closer, and a flat market would cross every few bars."""
OVERSOLD, OVERBOUGHT = 30.0, 70.0
NEUTRAL_LOW, NEUTRAL_HIGH = 45.0, 55.0
WEIGHTS = {"moving_averages": 0.4, "rsi": 0.3, "volume": 0.3}
SPEAKS_FROM = 0.6


class Momentum:
    """Keeps its own bars; silent until 21 of them and below a confidence of 0.6."""

    name: str = "momentum"
    follows: tuple[str, ...] = ()

    def __init__(self) -> None:
        self._history = History()

    def learn(self, message: Mapping[str, Any]) -> None:
        """Follows nothing."""

    def analyse(self, signal: Mapping[str, Any]) -> dict[str, Any] | None:
        bar = bar_of(signal)
        if bar is None:
            return None
        self._history.add(signal["instrument"], bar)
        analysis = _analysis(self._history.until(signal["instrument"], bar.time))
        if analysis is None or analysis["confidence"] < SPEAKS_FROM:
            return None
        return analysis


def _analysis(bars: Bars) -> dict[str, Any] | None:
    fast, slow = moving_average(bars.closes, FAST), moving_average(bars.closes, SLOW)
    rsi, volume = relative_strength_index(bars.closes), volume_ratio(bars.volumes)
    atr = average_true_range(bars.highs, bars.lows, bars.closes)
    if fast is None or slow is None or rsi is None or volume is None or not atr:
        return None
    separation = fast / slow - 1
    trend = _trend(separation)
    scores = {
        # One cross separation is half a score, three or more are a whole one.
        "moving_averages": 0.0
        if trend == "sideways"
        else min(1.0, 0.25 + 0.25 * abs(separation) / CROSS_SEPARATION),
        "rsi": _rsi_score(rsi, trend),
        # As busy as usual is half a score, half as busy again a whole one.
        "volume": max(0.0, min(1.0, volume - 0.5)),
    }
    return {
        "confidence": sum(weight * scores[name] for name, weight in WEIGHTS.items()),
        # In units of the bar's usual range, so that an hourly currency and a monthly coin have one scale.
        "momentum_strength": 0.5 * min(1.0, abs(fast - slow) / atr) + 0.5 * min(1.0, abs(rsi - 50) / 20),
        "trend_direction": trend,
        "technical_indicators": {
            "moving_average_fast": fast,
            "moving_average_slow": slow,
            "separation": separation,
            "rsi": rsi,
            "volume_ratio": volume,
            "average_true_range": atr,
        },
    }


def _trend(separation: float) -> str:
    if abs(separation) < CROSS_SEPARATION:
        return "sideways"
    return "bullish" if separation > 0 else "bearish"


def _rsi_score(rsi: float, trend: str) -> float:
    """Whether RSI bears the trend out: 1.0 it does, 0.5 it does but is overdone (a turn is near), 0.0 neutral or against."""
    if trend == "bullish" and rsi > NEUTRAL_HIGH:
        return 0.5 if rsi > OVERBOUGHT else 1.0
    if trend == "bearish" and rsi < NEUTRAL_LOW:
        return 0.5 if rsi < OVERSOLD else 1.0
    return 0.0

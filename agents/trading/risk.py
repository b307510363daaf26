"""The risk agent: how volatile the instrument is, how full the book, and how much may be put on."""

from collections.abc import Mapping
from typing import Any

from agents.trading.history import Bars, History, bar_of
from agents.trading.indicators import annualised_volatility, average_true_range
from agents.trading.positions import PORTFOLIO_TOPIC, Positions

CAPITAL = 100_000.0
"""The reference account, in its own currency."""
POSITION_LIMIT = 0.05
EXPOSURE_LIMIT = 0.20
"""Of the capital: one instrument's position, all positions together."""
VOLATILITY_PERIOD = 30
VOLATILITY_LIMIT = 1.0
"""Annualised. An instrument that moves by its whole price within a year is not for this account."""
TARGET_VOLATILITY = 0.10
SMALLEST_MULTIPLIER, LARGEST_MULTIPLIER = 0.1, 2.0
LEVELS = ((0.3, "low"), (0.6, "medium"), (0.8, "high"))
STOP_LOSS_RANGES = 2.0
MAX_RISK_PER_TRADE = 0.01


class Risk:
    """Keeps its own bars and the open positions; silent until 31 bars, since without a volatility there is no risk view."""

    name: str = "risk"
    follows: tuple[str, ...] = (PORTFOLIO_TOPIC,)

    def __init__(self) -> None:
        self._history = History()
        self._positions = Positions()

    def learn(self, message: Mapping[str, Any]) -> None:
        self._positions.apply(message)

    def analyse(self, signal: Mapping[str, Any]) -> dict[str, Any] | None:
        bar = bar_of(signal)
        if bar is None:
            return None
        instrument = signal["instrument"]
        if self._history.add(instrument, bar):
            self._positions.pass_bar(instrument)
        return self._analysis(signal, self._history.until(instrument, bar.time))

    def _analysis(self, signal: Mapping[str, Any], bars: Bars) -> dict[str, Any] | None:
        if bars.bars_per_year is None:
            return None
        volatility = annualised_volatility(bars.closes, VOLATILITY_PERIOD, bars.bars_per_year)
        if volatility is None:
            return None
        held = self._positions.size(signal["instrument"])
        direction = {"buy": 1, "sell": -1}.get(signal.get("side") or "", 0)
        reduces = held * direction < 0
        exposure = self._positions.exposure
        factors = {
            "volatility": min(1.0, volatility / VOLATILITY_LIMIT),
            # An order against what is held lowers both, however full the book is.
            "exposure": 0.0 if reduces else min(1.0, exposure / (EXPOSURE_LIMIT * CAPITAL)),
            "concentration": 0.0 if reduces else min(1.0, abs(held) / (POSITION_LIMIT * CAPITAL)),
        }
        # A full limit is full: a mean would let a calm market talk a full book down.
        score = max(factors.values())
        multiplier = max(
            SMALLEST_MULTIPLIER,
            min(LARGEST_MULTIPLIER, TARGET_VOLATILITY / volatility if volatility else LARGEST_MULTIPLIER),
        )
        largest = (
            abs(held)
            if reduces
            else max(0.0, min(POSITION_LIMIT * CAPITAL - abs(held), EXPOSURE_LIMIT * CAPITAL - exposure))
        )
        return {
            "overall_score": score,
            "risk_level": risk_level(score),
            "risk_factors": factors,
            "exposure_analysis": {
                "current_exposure_pct": exposure / CAPITAL,
                "concentration": abs(held) / exposure if exposure else 0.0,
            },
            "volatility_metrics": {"current_vol_estimate": volatility, "volatility_multiplier": multiplier},
            "position_sizing": {
                "recommended_size": min(POSITION_LIMIT * CAPITAL * multiplier, largest),
                "max_position_size": largest,
            },
            "recommendations": _recommendations(signal["price"], direction, bars),
        }


def risk_level(score: float) -> str:
    """``score`` 0..1; a score on a threshold belongs to the level above it."""
    return next((level for below, level in LEVELS if score < below), "blocked")


def _recommendations(price: float, direction: int, bars: Bars) -> dict[str, float]:
    recommendations = {"max_risk_per_trade": MAX_RISK_PER_TRADE}
    atr = average_true_range(bars.highs, bars.lows, bars.closes)
    stop = price - direction * STOP_LOSS_RANGES * atr if atr and direction else 0.0
    if stop > 0:
        recommendations["suggested_stop_loss"] = stop
    return recommendations

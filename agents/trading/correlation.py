"""The correlation agent: what a trade would add to the portfolio that is not in it already."""

from collections.abc import Mapping
from typing import Any

from agents.trading.history import History, bar_of
from agents.trading.indicators import correlation, log_returns
from agents.trading.positions import PORTFOLIO_TOPIC, Positions

WINDOW = 30


class Correlation:
    """Keeps its own bars and the open positions; silent until 31 bars of the signal's instrument."""

    name: str = "correlation"
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
        if len(self._history.until(instrument, bar.time).closes) <= WINDOW:
            return None
        correlations = {
            other: self._rolling(instrument, other, bar.time) for other in sorted(self._positions.sizes)
        }
        measured = {other: value for other, value in correlations.items() if value is not None}
        return {
            "portfolio_impact": self._impact(measured, signal.get("side")),
            "correlations": measured,
            # Markets without common bars, such as hourly currencies and daily shares, have no coefficient.
            "not_measured": [other for other, value in correlations.items() if value is None],
            "window": WINDOW,
        }

    def _impact(self, correlations: Mapping[str, float], side: str | None) -> float:
        """0..1: 1 adds something new, 0 repeats what is held. A short hedges a long that moves with it, so signs count."""
        sizes = {other: self._positions.size(other) for other in correlations}
        total = sum(abs(size) for size in sizes.values())
        if total == 0:
            return 1.0
        direction = -1 if side == "sell" else 1
        likeness = sum(direction * sizes[other] * correlations[other] for other in correlations) / total
        return 1.0 - max(0.0, likeness)

    def _rolling(self, instrument: str, other: str, time: str) -> float | None:
        """Of the returns between the last 31 bars that both have at the same times."""
        if instrument == other:
            return 1.0
        first, second = self._history.until(instrument, time), self._history.until(other, time)
        others = dict(zip(second.times, second.closes, strict=True))
        pairs = [
            (close, others[at]) for at, close in zip(first.times, first.closes, strict=True) if at in others
        ]
        if len(pairs) <= WINDOW:
            return None
        pairs = pairs[-WINDOW - 1 :]
        return correlation(log_returns([a for a, _ in pairs]), log_returns([b for _, b in pairs]))

"""The open positions as an agent knows them: from the decisions that went to the portfolio."""

from collections.abc import Mapping
from typing import Any

PORTFOLIO_TOPIC = "portfolio.decision"
HOLDING_BARS = 5
"""A position that no opposite order closed is closed after this many further bars of its instrument (a time stop)."""
REMEMBERED_DECISIONS = 10_000


class Positions:
    """Signed sizes by instrument in the account's currency, above 0 is long.

    Every order is taken as filled whole: the reference agents follow decisions, not fills.
    """

    def __init__(self) -> None:
        self._sizes: dict[str, float] = {}
        self._bars_held: dict[str, int] = {}
        self._decisions: dict[str, None] = {}

    def size(self, instrument: str) -> float:
        return self._sizes.get(instrument, 0.0)

    @property
    def sizes(self) -> Mapping[str, float]:
        return self._sizes

    @property
    def exposure(self) -> float:
        """The sum of all sizes without their sign."""
        return sum(abs(size) for size in self._sizes.values())

    def apply(self, decision: Mapping[str, Any]) -> None:
        """Books a portfolio decision; one that trades nothing, or that was booked before, changes nothing."""
        if decision.get("action") not in ("trade", "trade_with_caution"):
            return
        decision_id, instrument = decision["decision_id"], decision["instrument"]
        if decision_id in self._decisions:
            return
        self._decisions[decision_id] = None
        if len(self._decisions) > REMEMBERED_DECISIONS:
            del self._decisions[next(iter(self._decisions))]
        change = decision["position_size"] * (1 if decision["side"] == "buy" else -1)
        self._sizes[instrument] = self.size(instrument) + change
        self._bars_held[instrument] = 0
        if self._sizes[instrument] == 0:
            self._close(instrument)

    def pass_bar(self, instrument: str) -> None:
        """One more bar of the instrument has been seen."""
        if instrument in self._sizes:
            self._bars_held[instrument] += 1
            if self._bars_held[instrument] > HOLDING_BARS:
                self._close(instrument)

    def _close(self, instrument: str) -> None:
        del self._sizes[instrument], self._bars_held[instrument]

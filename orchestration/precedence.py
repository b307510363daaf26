"""Which of the six rules of precedence applies to a decision, the first that does (contracts §5)."""

from collections.abc import Mapping
from typing import Final

from orchestration.inputs import Inputs
from orchestration.outcome import Verdict
from orchestration.routes import Matched
from orchestration.signal import Signal
from orchestration.source import MOMENTUM, source_conflict
from orchestration.stages import StagesRun

RISK: Final = "risk"

_SIDE_OF_TREND = {"bullish": "buy", "bearish": "sell"}


TOO_FEW = Verdict(1, "insufficient_data", "insufficient_data")


def apply_precedence(
    inputs: Inputs,
    used: Mapping[str, Signal],
    contributing: Mapping[str, Signal],
    stages: StagesRun,
    matched: Matched,
) -> Verdict:
    """Rules 2 to 6, for as many valid signals as the workflow asks for. ``used``: all used
    signals by agent, ``contributing``: those of agents that the workflow names."""
    risk = contributing.get(RISK)
    if risk is None:
        return Verdict(3, "monitor", "no_risk_view")
    if risk.payload.analysis.risk_level == "blocked":
        return Verdict(2, "no_trade", "risk_blocked")
    momentum = contributing.get(MOMENTUM)
    if momentum is None and MOMENTUM in inputs.plan.named:
        return Verdict(3, "monitor", "no_momentum_view")
    if stages.stopped is not None:
        return Verdict(4, "monitor", stages.stopped)
    objection = _objection(inputs, used, momentum)
    if objection is not None:
        return Verdict(5, "monitor", objection)
    return Verdict(6, matched.action, matched.reason)


def _objection(inputs: Inputs, used: Mapping[str, Signal], momentum: Signal | None) -> str | None:
    """Why nobody can say what to buy or sell."""
    if source_conflict(inputs.normalized, used):
        return "source_conflict"
    source = inputs.source
    if source is None or not source.instrument:
        return "no_instrument"
    if source.side is None:
        return "informational"
    trend = None if momentum is None else momentum.payload.analysis.trend_direction
    side = None if trend is None else _SIDE_OF_TREND.get(trend)
    if side is None:
        return "no_direction"
    return None if side == source.side else "direction_conflict"

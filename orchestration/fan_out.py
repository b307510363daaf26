"""The short forms of a decision for those who need a part of it (contracts §5)."""

from collections.abc import Sequence
from typing import Any

import msgspec

from orchestration.canonical import Number, number
from orchestration.outcome import Outcome
from orchestration.precedence import RISK


class RiskContent(msgspec.Struct, frozen=True, gc=False):
    """The content of ``risk.monitor.decision``."""

    decision_id: str
    corr_id: str
    instrument: str | None
    action: str
    reason: str
    risk_level: str | None
    overall_score: Number | None
    position_size: Number | None
    confidence: Number | None
    timestamp: str


class SummaryContent(msgspec.Struct, frozen=True, gc=False):
    """The content of ``audit.decision``."""

    decision_id: str
    corr_id: str
    action: str
    reason: str
    confidence: Number | None
    agents: Sequence[str]
    timestamp: str


class PortfolioContent(msgspec.Struct, frozen=True, gc=False):
    """The content of ``portfolio.decision``."""

    decision_id: str
    corr_id: str
    instrument: str | None
    side: str | None
    action: str
    position_size: Number | None
    portfolio_impact: Number | None
    confidence: Number | None
    timestamp: str


def risk_content(outcome: Outcome) -> RiskContent:
    decision = outcome.content
    source = decision.source_signal
    analysis = _analysis(outcome, RISK)
    return RiskContent(
        decision.decision_id,
        decision.corr_id,
        None if source is None else source.instrument,
        decision.action,
        decision.reason,
        None if analysis is None else analysis.risk_level,
        None if analysis is None else number(analysis.overall_score),
        decision.position_size,
        decision.confidence,
        decision.orchestrated_at,
    )


def summary_content(outcome: Outcome) -> SummaryContent:
    decision = outcome.content
    return SummaryContent(
        decision.decision_id,
        decision.corr_id,
        decision.action,
        decision.reason,
        decision.confidence,
        decision.contributing_agents,
        decision.orchestrated_at,
    )


def portfolio_content(outcome: Outcome) -> PortfolioContent:
    decision = outcome.content
    source = decision.source_signal
    analysis = _analysis(outcome, "correlation")
    return PortfolioContent(
        decision.decision_id,
        decision.corr_id,
        None if source is None else source.instrument,
        None if source is None else source.side,
        decision.action,
        decision.position_size,
        None if analysis is None else number(analysis.portfolio_impact),
        decision.confidence,
        decision.orchestrated_at,
    )


def _analysis(outcome: Outcome, agent: str) -> Any:
    """What a contributing agent found; None for one that the workflow does not name."""
    signal = outcome.used.get(agent)
    return None if signal is None or agent not in outcome.inputs.plan.named else signal.payload.analysis

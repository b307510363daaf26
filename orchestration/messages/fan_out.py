"""The short forms of a decision for those who need a part of it. Every `timestamp` is its `orchestrated_at`."""

from pydantic import Field

from orchestration.messages.base import CorrId, Fraction, Output, Sha256, UtcTimestamp
from orchestration.messages.decision import Action, TradeSide
from orchestration.messages.enriched import RiskLevel


class RiskMonitorDecision(Output):
    """`risk.monitor.decision`."""

    decision_id: Sha256 = Field(description="The decision.")
    corr_id: CorrId = Field(description="Id of the alert; the record's key.")
    instrument: str | None = Field(description="What is traded.")
    action: Action = Field(description="What is to be done.")
    reason: str = Field(description="Why, in one word.")
    risk_level: RiskLevel | None = Field(description="The risk agent's; null without a valid signal of it.")
    overall_score: Fraction | None = Field(description="The risk agent's, 0 to 1; 1 is worst.")
    position_size: float | None = Field(description="Account currency.")
    confidence: Fraction | None = Field(description="The decision's, 0 to 1.")
    timestamp: UtcTimestamp = Field(description="The decision's orchestrated_at.")


class AuditDecision(Output):
    """`audit.decision`."""

    decision_id: Sha256 = Field(description="The decision.")
    corr_id: CorrId = Field(description="Id of the alert; the record's key.")
    action: Action = Field(description="What is to be done.")
    reason: str = Field(description="Why, in one word.")
    confidence: Fraction | None = Field(description="The decision's, 0 to 1.")
    agents: list[str] = Field(description="Agents with a valid signal used, sorted.")
    timestamp: UtcTimestamp = Field(description="The decision's orchestrated_at.")


class PortfolioDecision(Output):
    """`portfolio.decision`."""

    decision_id: Sha256 = Field(description="The decision.")
    corr_id: CorrId = Field(description="Id of the alert; the record's key.")
    instrument: str | None = Field(description="What is traded.")
    side: TradeSide | None = Field(description="Way of the trade.")
    action: Action = Field(description="What is to be done.")
    position_size: float | None = Field(description="Account currency.")
    portfolio_impact: Fraction | None = Field(description="The correlation agent's, 0 to 1.")
    confidence: Fraction | None = Field(description="The decision's, 0 to 1.")
    timestamp: UtcTimestamp = Field(description="The decision's orchestrated_at.")

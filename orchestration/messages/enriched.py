"""`signals.enriched.<agent>`: what a trading agent publishes about a signal."""

from typing import Annotated, Any, Literal

from pydantic import Field

from orchestration.messages.base import (
    AboveZero,
    AgentName,
    CorrId,
    Expected,
    Fraction,
    Input,
    Name,
    SchemaVersion,
    Text,
    Timestamp,
    ZeroOrMore,
)
from orchestration.messages.normalized import Side

TrendDirection = Annotated[
    Literal["bullish", "bearish", "sideways", "unknown"], Expected("bullish, bearish, sideways or unknown")
]
RiskLevel = Annotated[Literal["low", "medium", "high", "blocked"], Expected("low, medium, high or blocked")]

_CONFIDENCE = "How sure the agent is of its analysis, 0 to 1."


class EnrichedSource(Input):
    """The alert as the agent knew it. Counts where there is no normalized signal."""

    instrument: Name | None = Field(default=None, description="What is traded, e.g. EURUSD, BTC/USD, SPY.")
    price: AboveZero | None = Field(default=None, description="Price at the source, in quote units.")
    side: Side | None = Field(default=None, description="Way of the trade.")
    timestamp: Timestamp | None = Field(default=None, description="When the source raised the alert.")


class Analysis(Input):
    """What every agent's analysis may say."""

    confidence: Fraction | None = Field(default=None, description=_CONFIDENCE)


class MomentumAnalysis(Analysis):
    """Which way the price goes, and how strongly."""

    confidence: Fraction = Field(description=_CONFIDENCE)
    momentum_strength: Fraction | None = Field(
        default=0.0, description="Strength of the move, 0 to 1; null reads as 0."
    )
    trend_direction: TrendDirection | None = Field(
        default="unknown", description="Trend; null reads as unknown."
    )
    technical_indicators: dict[str, Any] | None = Field(
        default=None, description="Indicator values by name, units theirs."
    )


class PositionSizing(Input):
    """How much to trade."""

    recommended_size: ZeroOrMore | None = Field(default=None, description="Size to take, account currency.")
    max_position_size: ZeroOrMore | None = Field(
        default=None, description="Most that may be taken, account currency."
    )


class Recommendations(Input):
    """Limits that an order should carry."""

    suggested_stop_loss: AboveZero | None = Field(
        default=None, description="Stop loss: a price, in quote units."
    )
    max_risk_per_trade: AboveZero | None = Field(
        default=None, description="Most to lose, as a fraction of the account."
    )


class RiskAnalysis(Analysis):
    """How dangerous a trade would be."""

    overall_score: Fraction = Field(description="Risk, 0 to 1; 1 is worst.")
    risk_level: RiskLevel | None = Field(
        default=None, description="The risk in a word; blocked forbids the trade."
    )
    position_sizing: PositionSizing | None = Field(default=None, description="How much to trade.")
    recommendations: Recommendations | None = Field(
        default=None, description="Limits that an order should carry."
    )
    exposure_analysis: Any = Field(
        default=None,
        description="Object; current_exposure_pct and correlation_risk are read where they are numbers, anything else is passed over.",
    )
    volatility_metrics: Any = Field(
        default=None,
        description="Object; current_vol_estimate and vol_percentile are read where they are numbers, anything else is passed over.",
    )


class CorrelationAnalysis(Analysis):
    """How the trade fits what is held already."""

    portfolio_impact: Fraction = Field(description="How well the trade fits the portfolio, 0 to 1.")


class EnrichedSignal(Input):
    """A signal of any agent; momentum, risk and correlation promise more."""

    schema_version: SchemaVersion | None = Field(
        default="1.0.0", description="Semver of this message's form; major 1."
    )
    agent_name: AgentName = Field(description="The agent: the topic's last token.")
    agent_version: Text | None = Field(default=None, description="Version of the agent that wrote it.")
    corr_id: CorrId = Field(description="Id of the alert, unchanged; the record's key.")
    enriched_at: Timestamp = Field(description="When the agent published it.")
    source_signal: EnrichedSource | None = Field(default=None, description="The alert as the agent knew it.")
    analysis: Analysis = Field(description="What the agent found.")


class MomentumSignal(EnrichedSignal):
    """`signals.enriched.momentum`."""

    analysis: MomentumAnalysis = Field(description="What the agent found.")


class RiskSignal(EnrichedSignal):
    """`signals.enriched.risk`."""

    analysis: RiskAnalysis = Field(description="What the agent found.")


class CorrelationSignal(EnrichedSignal):
    """`signals.enriched.correlation`."""

    analysis: CorrelationAnalysis = Field(description="What the agent found.")


_BY_AGENT: dict[str, type[EnrichedSignal]] = {
    "momentum": MomentumSignal,
    "risk": RiskSignal,
    "correlation": CorrelationSignal,
}


def enriched_model(agent: str) -> type[EnrichedSignal]:
    """The model of an agent's signals: that of any agent, where it promises nothing more."""
    return _BY_AGENT.get(agent, EnrichedSignal)

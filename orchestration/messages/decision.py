"""`orchestrated.decision`: the one terminal decision of a correlation (contracts §5).

The order of the fields is the order of the keys in what is written.
"""

from typing import Any, Literal

from pydantic import Field
from pydantic.config import JsonDict

from orchestration.messages.base import CorrId, Fraction, Output, Sha256, UtcTimestamp
from orchestration.messages.enriched import TrendDirection

Action = Literal["trade", "trade_with_caution", "monitor", "no_trade", "insufficient_data"]
TradeSide = Literal["buy", "sell"]


def absent(description: str) -> Any:
    """A field that is left out, never null, where there is nothing to say."""
    return Field(default=None, description=description, json_schema_extra=_without_default)


def _without_default(schema: JsonDict) -> None:
    del schema["default"]


class ErrorDetail(Output):
    """Why a signal is invalid or a stage failed."""

    type: str = Field(description="validation_error or processing_error; for a stage the exception's class.")
    message: str = Field(max_length=200, description="Our own fixed text, never a received value.")


class ContributingSignal(Output):
    """One agent's part in the decision."""

    agent_name: str = Field(description="The agent.")
    agent_version: str | None = Field(description="Version of the agent, where it said one.")
    corr_id: CorrId = Field(description="Id of the alert.")
    enriched_at: UtcTimestamp = Field(description="When the agent published it.")
    contribution: float | None = Field(description="weight × value / sum of weights; null without a weight.")


class DecisionSource(Output):
    """What started the correlation, as far as it is known."""

    instrument: str | None = Field(description="What is traded.")
    price: float | None = Field(description="Price at the source, in quote units.")
    side: TradeSide | None = Field(description="Way of the trade.")
    strength: Fraction | None = Field(description="How sure the source is, 0 to 1.")
    timestamp: UtcTimestamp | None = Field(description="When the source raised the alert.")


class ValidationResult(Output):
    """Stage 0 passed."""

    quality_score: float = Field(description="Mean of the reported confidences, 0 to 1.")
    validated: Literal[True]


class RiskFactors(Output):
    """What the risk agent said in numbers."""

    overall_risk: float = Field(description="0 to 1; 1 is worst.")
    current_exposure_pct: float = absent("As the risk agent gave it; absent where it is no number.")
    correlation_risk: float = absent("As the risk agent gave it; absent where it is no number.")
    current_vol_estimate: float = absent("As the risk agent gave it; absent where it is no number.")
    vol_percentile: float = absent("As the risk agent gave it; absent where it is no number.")


class RiskCheckResult(Output):
    """Stage 1 passed."""

    risk_factors: RiskFactors
    risk_approved: Literal[True]


class PositionSizingResult(Output):
    """Stage 2 passed."""

    base_size: float = Field(ge=0, description="Recommended size, account currency.")
    position_size: float = Field(gt=0, description="Size after multiplier and cap, account currency.")


class ExecutionTimingResult(Output):
    """Stage 3 passed."""

    signal_age_sec: float = Field(description="Age of the signal, in seconds.")
    valid_until: UtcTimestamp = Field(description="After this an order is rejected as expired.")


class StoppedResult(Output):
    """A stage that stopped the rest."""

    stop_workflow: Literal[True]
    reason: str = Field(description="Why, e.g. excessive_risk.")


class Stage(Output):
    """What every stage's record says."""

    stage: int = Field(ge=0, le=3, description="Number of the stage.")
    name: Literal["validation", "risk_check", "position_sizing", "execution_timing"] = Field(
        description="The stage."
    )


class PassedStage(Stage):
    """A stage that let the next one run."""

    stopped: Literal[False]
    result: ValidationResult | RiskCheckResult | PositionSizingResult | ExecutionTimingResult


class StoppedStage(Stage):
    """A stage that stopped the rest."""

    stopped: Literal[True]
    result: StoppedResult


class FailedStage(Stage):
    """A stage that raised an exception, which stops the rest."""

    stopped: Literal[True]
    error: ErrorDetail


StageRecord = PassedStage | StoppedStage | FailedStage


class Decision(Output):
    """The decision, whole; also the `decision` object of the audit record."""

    schema_version: Literal["1.0.0"]
    decision_id: Sha256 = Field(description="SHA-256 (hex) of what was decided on; the same in every replay.")
    corr_id: CorrId = Field(description="Id of the alert, from the webhook to the fill; the record's key.")
    workflow: str = Field(description="The workflow that applied.")
    workflow_digest: Sha256 = Field(description="SHA-256 (hex) of the workflows' canonical form.")
    orchestrator_version: str = Field(description="Who decided; outside decision_id and outside parity.")
    orchestrated_at: UtcTimestamp = Field(description="Outcome time, by the records' timestamps.")
    action: Action = Field(description="What is to be done.")
    reason: str = Field(description="Why, in one word.")
    confidence: Fraction | None = Field(description="Weighted mean, 0 to 1; null without a weighted agent.")
    aggregation_method: Literal["weighted_average"]
    contributing_agents: list[str] = Field(description="Agents with a valid signal used, sorted.")
    contributing_signals: list[ContributingSignal] = Field(description="Their parts, sorted by agent_name.")
    completed_by: Literal["all_required", "deadline"] = Field(description="What ended the waiting.")
    partial_data: bool = Field(description="Whether a required agent is not among the contributing ones.")
    available_agents: list[str] = Field(description="The same as contributing_agents.")
    missing_agents: list[str] = Field(description="Required agents that reported nothing.")
    invalid_agents: dict[str, ErrorDetail] = Field(description="Agents that reported, but nothing valid.")
    source_signal: DecisionSource | None = Field(
        description="What started the correlation; null when nothing is known."
    )
    direction: TrendDirection | None = Field(description="The trend.")
    position_size: float | None = Field(description="Stage 2's, account currency.")
    route: str | None = Field(
        description="The first matching route, also where nothing is ordered; null for insufficient_data."
    )
    handler: str | None = Field(description="The same as route.")
    execution_topic: str | None = Field(description="Where the order went; null without one.")
    strategy: str | None = Field(description="The route's; null without an order.")
    position_multiplier: float = Field(gt=0, description="The route's; 1.0 without an order.")
    additional_checks: list[str] = Field(description="The route's; empty without an order.")
    current_stage: int | None = Field(ge=0, le=3, description="Number of the last stage that ran.")
    stages: list[StageRecord] = Field(description="What each stage that ran said, in order.")

"""`audit.orchestration.decision`: everything that is needed to check an outcome, and to replay it."""

from typing import Literal

from pydantic import Field

from orchestration.messages.base import CorrId, Fraction, Output, Sha256, UtcTimestamp
from orchestration.messages.decision import Decision, ErrorDetail


class Coordinates(Output):
    """Where a record stands in the log."""

    topic: str = Field(description="Kafka topic.")
    partition: int = Field(ge=0, description="Partition of the topic.")
    offset: int = Field(ge=0, description="Offset in the partition.")


class UsedSignal(Output):
    """One signal that was decided on."""

    agent_version: str | None = Field(description="Version of the agent, where it said one.")
    confidence: Fraction | None = Field(
        description="The analysis' confidence, 0 to 1; null when it has none."
    )
    timestamp: UtcTimestamp = Field(description="When it was published (enriched_at or normalized_at).")
    sha256: Sha256 = Field(description="SHA-256 (hex) of the payload as received.")
    topic: str = Field(description="Kafka topic.")
    partition: int = Field(ge=0, description="Partition of the topic.")
    offset: int = Field(ge=0, description="Offset in the partition.")


class Repeats(Output):
    """Repeats of one agent for one reason."""

    count: int = Field(ge=1, description="How many there were.")
    coordinates: list[Coordinates] = Field(max_length=64, description="Where the first 64 of them stand.")


class AuditMetadata(Output):
    """How the outcome came about."""

    processing_time_ms: int = Field(ge=0, description="orchestrated_at − first_seen, in milliseconds.")
    orchestration_pattern: Literal["fan_in", "sequential", "conditional_routing"] = Field(
        description="Kind of flow."
    )
    timeout_occurred: bool = Field(description="Whether the deadline ended the waiting.")
    error_count: int = Field(ge=0, description="Invalid signals among the records up to the outcome.")


class AuditRecord(Output):
    """One per outcome of any kind."""

    corr_id: CorrId = Field(description="Id of the alert; the record's key.")
    decision_id: Sha256 = Field(description="The decision.")
    timestamp: UtcTimestamp = Field(description="The decision's orchestrated_at.")
    orchestrator_version: str = Field(description="Who decided.")
    input_signals: dict[str, UsedSignal] = Field(description="The signals that were used, by agent.")
    source_signal: UsedSignal | None = Field(
        description="The same for the normalized signal; null without one."
    )
    decision: Decision = Field(description="The decision, whole.")
    errors: dict[str, ErrorDetail] = Field(description="The decision's invalid_agents.")
    superseded: dict[str, dict[str, Repeats]] = Field(
        description="Repeats that were not used, by agent (or `normalized`) and reason (duplicate, conflict, voided)."
    )
    read_to: dict[str, int] = Field(description="Offset reached per input topic when the outcome was taken.")
    metadata: AuditMetadata = Field(description="How the outcome came about.")

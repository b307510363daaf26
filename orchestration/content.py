"""What a decision and its order say, field by field in the contract's key order (contracts §5).

Structs and not dicts: msgspec writes their names without looking at them, and a forgotten field is an error at once.
"""

from collections.abc import Mapping, Sequence

import msgspec

from orchestration.canonical import Number
from orchestration.signal import SignalError
from orchestration.stages import StageRecord


class Contribution(msgspec.Struct, frozen=True, gc=False):
    """One agent's part. ``contribution``: None for an agent without a weight."""

    agent_name: str
    agent_version: str | None
    corr_id: str
    enriched_at: str
    contribution: Number | None


class SourceContent(msgspec.Struct, frozen=True, gc=False):
    """The source signal, as it is written."""

    instrument: str | None
    price: Number | None
    side: str | None
    strength: Number | None
    timestamp: str | None


class DecisionContent(msgspec.Struct, frozen=True, gc=False):
    """The content of ``orchestrated.decision``."""

    schema_version: str
    decision_id: str
    corr_id: str
    workflow: str
    workflow_digest: str
    orchestrator_version: str
    orchestrated_at: str
    action: str
    reason: str
    confidence: Number | None
    aggregation_method: str
    contributing_agents: Sequence[str]
    contributing_signals: Sequence[Contribution]
    completed_by: str
    partial_data: bool
    available_agents: Sequence[str]
    missing_agents: Sequence[str]
    invalid_agents: Mapping[str, SignalError]
    source_signal: SourceContent | None
    direction: str | None
    position_size: Number | None
    route: str | None
    handler: str | None
    execution_topic: str | None
    strategy: str | None
    position_multiplier: Number
    additional_checks: Sequence[str]
    current_stage: int | None
    stages: Sequence[StageRecord]


class RiskParams(msgspec.Struct, frozen=True, gc=False):
    """Limits that whoever executes should keep: a price, and a fraction of the account."""

    stop_loss: Number | None
    max_risk_per_trade: Number | None


class OrderContent(msgspec.Struct, frozen=True, gc=False):
    """The content of the one ``execution.*`` message."""

    order_id: str
    decision_id: str
    corr_id: str
    agent_id: str
    strategy_id: str
    instrument: str | None
    side: str | None
    order_type: str
    quantity: Number | None
    quantity_unit: str
    price: Number | None
    confidence: Number | None
    risk_score: Number | None
    action: str
    strategy: str | None
    handler: str | None
    position_multiplier: Number
    additional_checks: Sequence[str]
    risk_params: RiskParams
    reasoning: str
    signal_refs: Sequence[str]
    timestamp: str
    valid_until: str

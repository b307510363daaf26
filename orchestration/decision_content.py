"""What a decision says: the content of ``orchestrated.decision`` in the contract's key order (contracts §5)."""

from collections.abc import Mapping
from typing import Final

from orchestration.aggregation import Aggregate
from orchestration.canonical import number
from orchestration.content import Contribution, DecisionContent, SourceContent
from orchestration.inputs import Inputs
from orchestration.outcome import Trace
from orchestration.plan import Plan
from orchestration.signal import Signal, SignalError
from orchestration.source import MOMENTUM, SourceSignal
from orchestration.timestamps import format_timestamp

SCHEMA_VERSION: Final = "1.0.0"


def decision_content(
    inputs: Inputs,
    identity: str,
    version: str,
    contributing: Mapping[str, Signal],
    enriched_at: Mapping[str, str],
    trace: Trace,
) -> DecisionContent:
    """``identity``: the decision_id; ``contributing``: signals by agent, sorted by name; ``enriched_at``: their times as
    they are written."""
    plan = inputs.plan
    verdict, matched, stages = trace.verdict, trace.matched, trace.stages
    agents = list(contributing)
    partial = not plan.required.issubset(contributing)
    route = None if matched is None else matched.name
    ordered = matched.route if matched is not None and verdict.trades else None
    size = None if stages is None else stages.size
    confidence = trace.aggregate.confidence
    # By position, in the order of the fields: matching so many names costs five times as much as all the values.
    return DecisionContent(
        SCHEMA_VERSION,
        identity,
        inputs.corr_id,
        plan.name,
        plan.digest,
        version,
        format_timestamp(inputs.orchestrated_at),
        verdict.action,
        verdict.reason,
        None if confidence is None else number(confidence),
        "weighted_average",
        agents,
        [
            _contribution(signal, enriched_at[agent], trace.aggregate)
            for agent, signal in contributing.items()
        ],
        inputs.completed_by,
        partial,
        agents,
        _missing_agents(inputs, plan) if partial else (),
        _invalid_agents(inputs, plan) if inputs.errors else {},
        _source(inputs.source),
        _direction(contributing.get(MOMENTUM)),
        None if size is None else size.position_size,
        route,
        route,  # the handler
        None if ordered is None else ordered.execution_topic,
        None if ordered is None else ordered.strategy,
        1.0 if ordered is None else number(ordered.position_multiplier),
        () if ordered is None else ordered.additional_checks,
        stages.records[-1].stage if stages is not None and stages.records else None,
        () if stages is None else stages.records,
    )


def _missing_agents(inputs: Inputs, plan: Plan) -> list[str]:
    return sorted(agent for agent in plan.required if agent not in inputs.used and agent not in inputs.errors)


def _invalid_agents(inputs: Inputs, plan: Plan) -> dict[str, SignalError]:
    """Of the workflow's agents, those that reported nothing valid, with the error."""
    return {agent: inputs.errors[agent] for agent in sorted(inputs.errors) if agent in plan.named}


def _contribution(signal: Signal, enriched_at: str, aggregate: Aggregate) -> Contribution:
    part = aggregate.contributions.get(signal.agent)
    return Contribution(
        signal.agent,
        signal.payload.agent_version,
        signal.corr_id,
        enriched_at,
        None if part is None else number(part),
    )


def _direction(momentum: Signal | None) -> str | None:
    return None if momentum is None else momentum.payload.analysis.trend_direction or "unknown"


def _source(source: SourceSignal | None) -> SourceContent | None:
    if source is None:
        return None
    return SourceContent(
        source.instrument,
        None if source.price is None else number(source.price),
        source.side,
        None if source.strength is None else number(source.strength),
        None if source.timestamp is None else format_timestamp(source.timestamp),
    )

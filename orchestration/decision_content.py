"""What a decision says: the content of ``orchestrated.decision`` in the contract's key order (contracts §5)."""

from collections.abc import Mapping
from typing import Final

from orchestration.aggregation import Aggregate
from orchestration.body import text_in
from orchestration.canonical import number
from orchestration.inputs import Inputs, SourceSignal
from orchestration.outcome import Trace
from orchestration.plan import Plan
from orchestration.signal import JsonObject
from orchestration.source import MOMENTUM
from orchestration.timestamps import format_timestamp

SCHEMA_VERSION: Final = "1.0.0"


def decision_content(
    inputs: Inputs,
    plan: Plan,
    digest: str,
    identity: str,
    version: str,
    contributing: Mapping[str, JsonObject],
    enriched_at: Mapping[str, str],
    trace: Trace,
) -> JsonObject:
    """``plan`` and ``digest``: the workflow's; ``identity``: the decision_id; ``contributing``: payloads by agent, sorted by name;
    ``enriched_at``: their times as they are written."""
    verdict, matched, stages = trace.verdict, trace.matched, trace.stages
    agents = list(contributing)
    partial = not plan.required.issubset(contributing)
    route = None if matched is None else matched.name
    ordered = matched.route if matched is not None and verdict.trades else None
    sizing = None if stages is None else stages.results.get("position_sizing")
    confidence = trace.aggregate.confidence
    return {
        "schema_version": SCHEMA_VERSION,
        "decision_id": identity,
        "corr_id": inputs.corr_id,
        "workflow": plan.name,
        "workflow_digest": digest,
        "orchestrator_version": version,
        "orchestrated_at": format_timestamp(inputs.orchestrated_at),
        "action": verdict.action,
        "reason": verdict.reason,
        "confidence": None if confidence is None else number(confidence),
        "aggregation_method": "weighted_average",
        "contributing_agents": agents,
        "contributing_signals": [
            _contribution(agent, contributing[agent], enriched_at[agent], trace.aggregate) for agent in agents
        ],
        "completed_by": inputs.completed_by,
        "partial_data": partial,
        "available_agents": agents,
        "missing_agents": _missing_agents(inputs, plan) if partial else [],
        "invalid_agents": _invalid_agents(inputs, plan) if inputs.errors else {},
        "source_signal": _source(inputs.source),
        "direction": _direction(contributing.get(MOMENTUM)),
        "position_size": None if sizing is None else sizing["position_size"],
        "route": route,
        "handler": route,
        "execution_topic": None if ordered is None else ordered.execution_topic,
        "strategy": None if ordered is None else ordered.strategy,
        "position_multiplier": 1.0 if ordered is None else number(ordered.position_multiplier),
        "additional_checks": [] if ordered is None else list(ordered.additional_checks),
        "current_stage": stages.records[-1]["stage"] if stages is not None and stages.records else None,
        "stages": [] if stages is None else stages.records,
    }


def _missing_agents(inputs: Inputs, plan: Plan) -> list[str]:
    return sorted(agent for agent in plan.required if agent not in inputs.used and agent not in inputs.errors)


def _invalid_agents(inputs: Inputs, plan: Plan) -> JsonObject:
    """Of the workflow's agents, those that reported nothing valid, with the error."""
    return {
        agent: {"type": error.type, "message": error.message}
        for agent, error in sorted(inputs.errors.items(), key=lambda item: item[0])
        if agent in plan.named
    }


def _contribution(agent: str, body: JsonObject, enriched_at: str, aggregate: Aggregate) -> JsonObject:
    part = aggregate.contributions.get(agent)
    return {
        "agent_name": agent,
        "agent_version": text_in(body, "agent_version"),
        "corr_id": body["corr_id"],
        "enriched_at": enriched_at,
        "contribution": None if part is None else number(part),
    }


def _direction(momentum: JsonObject | None) -> str | None:
    return None if momentum is None else text_in(momentum["analysis"], "trend_direction") or "unknown"


def _source(source: SourceSignal | None) -> JsonObject | None:
    if source is None:
        return None
    return {
        "instrument": source.instrument,
        "price": None if source.price is None else number(source.price),
        "side": source.side,
        "strength": None if source.strength is None else number(source.strength),
        "timestamp": None if source.timestamp is None else format_timestamp(source.timestamp),
    }

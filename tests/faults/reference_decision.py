"""How a correlation is decided: contracts §5 and docs/decisions/decision-semantics.md, apart from the real core.

A workflow is the plain dict that stands in the YAML file.
"""

import hashlib
import json
from dataclasses import dataclass

from tests.faults.reference_rules import at, canonical, holds, number, rounded
from tests.faults.reference_stages import confidence_and_contributions, run_stages
from tests.faults.reference_time import milliseconds_of, time_text
from tests.faults.reference_validation import Json, Signal

SCHEMA_VERSION = "1.0.0"
ORDER = """order_id decision_id corr_id agent_id strategy_id instrument side order_type quantity quantity_unit
    price confidence risk_score action strategy handler position_multiplier additional_checks risk_params reasoning
    signal_refs timestamp valid_until"""
FAN_OUT = {
    "risk.monitor.decision": """decision_id corr_id instrument action reason risk_level overall_score position_size
        confidence timestamp""",
    "portfolio.decision": """decision_id corr_id instrument side action position_size portfolio_impact confidence
        timestamp""",
    "audit.decision": "decision_id corr_id action reason confidence agents timestamp",
}


@dataclass(frozen=True)
class Cut:
    """The records of a correlation up to its outcome time, sorted into roles. Times in ms."""

    used: dict[str, Signal]
    errors: dict[str, Json]
    normalized: Signal | None
    source: Json | None
    superseded: list[tuple[str, str, Signal]]
    error_count: int


def decide(
    corr_id: str,
    workflow: Json,
    digest: str,
    version: str,
    cut: Cut,
    first_seen: int,
    at_ms: int,
    completed_by: str,
) -> tuple[Json, Json | None, dict[str, Json], Json]:
    """The decision, the order or None, the other fan-out by topic, and the audit record without ``read_to``."""
    required = list(workflow["required_agents"])
    named = required + list(workflow.get("optional_agents") or [])
    signals = {agent: cut.used[agent] for agent in sorted(cut.used) if agent in named}
    errors = {agent: cut.errors[agent] for agent in sorted(cut.errors) if agent in named}
    source = cut.source
    instrument, side = (source["instrument"], source["side"]) if source else (None, None)
    risk: Json = signals["risk"].payload["analysis"] if "risk" in signals else {}
    momentum = signals["momentum"].payload["analysis"] if "momentum" in signals else None
    direction = None if momentum is None else momentum.get("trend_direction") or "unknown"
    confidence, contributions = confidence_and_contributions(workflow.get("weights") or {}, signals)

    route: Json | None = None
    stages: list[Json] = []
    enough = len(signals) >= workflow["min_agents"]
    if enough:
        route = next(r for r in workflow["routes"] if holds(r.get("when") or [], signals, instrument))
        multiplier = float(route.get("position_multiplier", 1.0))
        stages = run_stages(workflow, signals, source, multiplier, at_ms, first_seen)
    results = {stage["name"]: stage["result"] for stage in stages if not stage["stopped"]}
    position_size = results.get("position_sizing", {}).get("position_size")
    last = stages[-1] if stages else None

    precedence = 0
    if route is None:
        precedence, action, reason = 1, "insufficient_data", "insufficient_data"
    elif risk.get("risk_level") == "blocked":
        precedence, action, reason = 2, "no_trade", "risk_blocked"
    elif "risk" not in signals:
        precedence, action, reason = 3, "monitor", "no_risk_view"
    elif "momentum" in named and momentum is None:
        precedence, action, reason = 3, "monitor", "no_momentum_view"
    elif last is not None and last["stopped"]:
        precedence, action = 4, "monitor"
        reason = last["result"]["reason"] if "result" in last else "stage_error"
    elif source_conflict(cut):
        precedence, action, reason = 5, "monitor", "source_conflict"
    elif instrument is None:
        precedence, action, reason = 5, "monitor", "no_instrument"
    elif side is None:
        precedence, action, reason = 5, "monitor", "informational"
    elif direction not in ("bullish", "bearish"):
        precedence, action, reason = 5, "monitor", "no_direction"
    elif (direction, side) in (("bullish", "sell"), ("bearish", "buy")):
        precedence, action, reason = 5, "monitor", "direction_conflict"
    elif holds(route.get("only_when") or [], signals, instrument):
        precedence, action, reason = 6, route["action"], route.get("reason") or route["name"]
    else:
        precedence, action, reason = 6, "monitor", route["otherwise"]["reason"]

    ordering = precedence == 6 and action in ("trade", "trade_with_caution")
    given: Json = route if route is not None and ordering else {}
    route_name = None if route is None else route["name"]
    orchestrated_at = time_text(at_ms)
    ids = [[agent, cut.used[agent].sha256] for agent in sorted(cut.used)]
    source_id = None if cut.normalized is None else cut.normalized.sha256
    decision_id = hashlib.sha256(canonical([corr_id, digest, ids, source_id])).hexdigest()
    agents = sorted(signals)

    decision: Json = {
        "schema_version": SCHEMA_VERSION,
        "decision_id": decision_id,
        "corr_id": corr_id,
        "workflow": workflow["name"],
        "workflow_digest": digest,
        "orchestrator_version": version,
        "orchestrated_at": orchestrated_at,
        "action": action,
        "reason": reason,
        "confidence": confidence,
        "aggregation_method": "weighted_average",
        "contributing_agents": agents,
        "contributing_signals": [
            {
                "agent_name": agent,
                "agent_version": signals[agent].payload.get("agent_version"),
                "corr_id": corr_id,
                "enriched_at": time_text(milliseconds_of(signals[agent].payload["enriched_at"])),
                "contribution": contributions.get(agent),
            }
            for agent in agents
        ],
        "completed_by": completed_by,
        "partial_data": any(agent not in signals for agent in required),
        "available_agents": agents,
        "missing_agents": sorted(a for a in required if a not in cut.used and a not in cut.errors),
        "invalid_agents": errors,
        "source_signal": source,
        "direction": direction,
        "position_size": position_size,
        "route": route_name,
        "handler": route_name,
        "execution_topic": given.get("execution_topic"),
        "strategy": given.get("strategy"),
        "position_multiplier": float(given.get("position_multiplier", 1.0)),
        "additional_checks": list(given.get("additional_checks") or []),
        "current_stage": None if last is None else last["stage"],
        "stages": stages,
    }

    correlation = signals["correlation"].payload["analysis"] if "correlation" in signals else {}
    facts: Json = decision | {
        "order_id": "ord_" + decision_id[:32],
        "agent_id": "orchestrator",
        "strategy_id": f"{workflow['name']}/{route_name}",
        "instrument": instrument,
        "side": side,
        "order_type": "market",
        "quantity": position_size,
        "quantity_unit": "account_currency",
        "price": source["price"] if source else None,
        "risk_level": risk.get("risk_level"),
        "overall_score": number(risk.get("overall_score")),
        "risk_score": number(risk.get("overall_score")),
        "portfolio_impact": number(correlation.get("portfolio_impact")),
        "risk_params": {
            "stop_loss": number(at(risk, "recommendations.suggested_stop_loss")),
            "max_risk_per_trade": number(at(risk, "recommendations.max_risk_per_trade")),
        },
        "reasoning": reason,
        "signal_refs": agents,
        "agents": agents,
        "timestamp": orchestrated_at,
        "valid_until": results.get("execution_timing", {}).get("valid_until"),
    }
    order = pick(facts, ORDER) if ordering else None
    fan_out = {topic: pick(facts, fields) for topic, fields in FAN_OUT.items()}
    if precedence == 6 and route is not None:
        fan_out |= dict.fromkeys(route.get("notify") or [], decision)

    if precedence == 1 or (precedence == 6 and route_name == "default"):
        pattern = "fan_in"
    else:
        pattern = "conditional_routing" if precedence == 6 else "sequential"
    audit: Json = {
        "corr_id": corr_id,
        "decision_id": decision_id,
        "timestamp": orchestrated_at,
        "orchestrator_version": version,
        "input_signals": {agent: audit_of(signal, "enriched_at") for agent, signal in cut.used.items()},
        "source_signal": None if cut.normalized is None else audit_of(cut.normalized, "normalized_at"),
        "decision": json.loads(canonical(decision)),
        "errors": errors,
        "superseded": audit_of_superseded(cut),
        "metadata": {
            "processing_time_ms": at_ms - first_seen,
            "orchestration_pattern": pattern,
            "timeout_occurred": completed_by == "deadline",
            "error_count": cut.error_count,
        },
    }
    return decision, order, fan_out, audit


def pick(facts: Json, fields: str) -> Json:
    return {name: facts[name] for name in fields.split()}


def source_conflict(cut: Cut) -> bool:
    sources = [signal.payload.get("source_signal") or {} for signal in cut.used.values()]
    if cut.normalized is not None:
        sources.append(cut.normalized.payload)
    return any(
        len({s[name] for s in sources if s.get(name) is not None}) > 1 for name in ("instrument", "side")
    )


def audit_of(signal: Signal, time_field: str) -> Json:
    confidence = at(signal.payload, "analysis.confidence")
    return {
        "agent_version": None if signal.normalized else signal.payload.get("agent_version"),
        "confidence": None if signal.normalized or confidence is None else rounded(confidence),
        "timestamp": time_text(milliseconds_of(signal.payload[time_field])),
        "sha256": signal.sha256,
        "topic": signal.topic,
        "partition": signal.partition,
        "offset": signal.offset,
    }


def order_of(signal: Signal) -> tuple[int, str, int]:
    return (signal.timestamp, signal.topic, signal.offset)


def audit_of_superseded(cut: Cut) -> Json:
    table: Json = {}
    for agent, reason, signal in sorted(cut.superseded, key=lambda entry: order_of(entry[2])):
        entry = table.setdefault(agent, {}).setdefault(reason, {"count": 0, "coordinates": []})
        entry["count"] += 1
        if len(entry["coordinates"]) < 64:
            place = {"topic": signal.topic, "partition": signal.partition, "offset": signal.offset}
            entry["coordinates"].append(place)
    return table

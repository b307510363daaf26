"""An outcome, explained: for web pages and ``orchestrator explain``."""

import msgspec

from orchestration.canonical import canonical_json
from orchestration.outcome import Outcome
from orchestration.routes import Matched
from orchestration.rules import View, describe, trace
from orchestration.signal import JsonObject

PRECEDENCE = {
    1: "fewer valid signals than min_agents",
    2: "risk level blocked",
    3: "no valid risk signal, or no valid momentum signal",
    4: "a stage stopped or failed",
    5: "no clear instrument, side or direction",
    6: "the first matching route",
}


def explain(outcome: Outcome) -> JsonObject:
    """JSON-able: the precedence that applied, contributions, stages, and each route tried with the clause that failed.

    ``routes[].clauses`` spells out each comparison with the value found; ``failed`` is the first that did not hold.
    """
    inputs = outcome.inputs
    # Through the bytes that were sent, so that the numbers shown are those that were decided on.
    decision: JsonObject = msgspec.json.decode(outcome.value)
    contributions = {part["agent_name"]: part["contribution"] for part in decision["contributing_signals"]}
    explanation = {
        "corr_id": inputs.corr_id,
        "decision_id": outcome.decision_id,
        "workflow": inputs.workflow.name,
        "action": outcome.action,
        "reason": outcome.reason,
        "precedence": {
            "step": outcome.trace.verdict.precedence,
            "rule": PRECEDENCE[outcome.trace.verdict.precedence],
        },
        "confidence": decision["confidence"],
        "contributions": [
            {
                "agent": agent,
                "weight": weight.weight,
                "value": weight.value,
                "contribution": contributions.get(agent),
            }
            for agent, weight in inputs.workflow.weights.items()
        ],
        "stages": decision["stages"],
        "route": decision["route"],
        "routes": [] if outcome.trace.matched is None else _routes(outcome, outcome.trace.matched),
        "decision": decision,
    }
    plain: JsonObject = msgspec.json.decode(canonical_json(explanation))
    return plain


def _routes(outcome: Outcome, matched: Matched) -> list[JsonObject]:
    source = outcome.inputs.source
    named = outcome.inputs.workflow.agents
    signals = {agent: signal for agent, signal in outcome.used.items() if agent in named}
    view = View(source.instrument if source is not None else None, signals)
    routes: list[JsonObject] = []
    for tried in matched.tried:
        route = tried.route
        is_match = route is matched.route
        routes.append(
            {
                "route": route.name,
                "matched": is_match,
                "failed": describe(tried.failed),
                "clauses": trace(route.when, view),
                "withheld": describe(matched.withheld) if is_match else None,
                "only_when": trace(route.only_when, view) if is_match else [],
            }
        )
    return routes

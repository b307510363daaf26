"""``decide``: from the inputs of a correlation to its outcome."""

from orchestration.aggregation import aggregate
from orchestration.body import body_of, written
from orchestration.canonical import canonical_json
from orchestration.decision_content import decision_content
from orchestration.ids import decision_id
from orchestration.inputs import Inputs
from orchestration.order import order_content
from orchestration.outcome import Outcome, Trace
from orchestration.plan import plan_of
from orchestration.precedence import RISK, TOO_FEW, apply_precedence
from orchestration.routes import Matched, match_route
from orchestration.rules import View
from orchestration.signal import JsonObject
from orchestration.stages import Staged, StagesRun, run_stages
from orchestration.timestamps import parse_timestamp
from orchestration.workflows import Workflows


def decide(inputs: Inputs, workflows: Workflows, version: str) -> Outcome:
    """The outcome at ``inputs.orchestrated_at``. ``version`` is the orchestrator's. Never raises for valid signals."""
    workflow = inputs.workflow
    plan = plan_of(workflow)
    # In the order of names, so that nothing below can depend on the order of arrival.
    bodies: dict[str, JsonObject] = {}
    enriched_at: dict[str, str] = {}
    for agent in sorted(inputs.used):
        body = bodies[agent] = body_of(inputs.used[agent])
        enriched_at[agent] = written(body["enriched_at"])
    contributing = bodies
    if not plan.named.issuperset(bodies):
        contributing = {agent: body for agent, body in bodies.items() if agent in plan.named}
    confidence = aggregate(workflow, contributing)
    matched: Matched | None = None
    stages: StagesRun | None = None
    verdict = TOO_FEW
    if len(contributing) >= plan.min_agents:
        instrument = inputs.source.instrument if inputs.source is not None else None
        matched = match_route(workflow, View(instrument, contributing))
        stages = run_stages(
            Staged(
                plan.stages,
                contributing,
                # As they are written, the texts sort by time.
                parse_timestamp(max(map(enriched_at.__getitem__, contributing))),
                inputs.source,
                matched.position_multiplier,
                inputs.first_seen,
                inputs.orchestrated_at,
            )
        )
        verdict = apply_precedence(inputs, bodies, contributing, stages, matched)
    trace = Trace(verdict, confidence, matched, stages)
    digest = workflows.digest(workflow)
    identity = decision_id(inputs.corr_id, digest, inputs.used, inputs.normalized)
    decision = decision_content(inputs, plan, digest, identity, version, contributing, enriched_at, trace)
    order = None
    if verdict.trades and stages is not None and stages.timing is not None:
        order = order_content(decision, contributing[RISK], stages.timing.valid_until)
    return Outcome(
        inputs,
        decision,
        canonical_json(decision),
        identity,
        verdict.action,
        verdict.reason,
        None if matched is None else matched.route,
        order,
        bodies,
        enriched_at,
        trace,
    )

"""``decide``: from the inputs of a correlation to its outcome."""

from orchestration.aggregation import aggregate
from orchestration.body import written
from orchestration.canonical import canonical_json
from orchestration.decision_content import decision_content
from orchestration.ids import decision_id
from orchestration.inputs import Inputs
from orchestration.order import order_content
from orchestration.outcome import Outcome, Trace
from orchestration.payload import payload_of
from orchestration.precedence import RISK, TOO_FEW, apply_precedence
from orchestration.routes import Matched, match_route
from orchestration.rules import View
from orchestration.signal import Signal
from orchestration.stages import Staged, StagesRun, run_stages
from orchestration.timestamps import parse_timestamp


def decide(inputs: Inputs, version: str) -> Outcome:
    """The outcome at ``inputs.orchestrated_at``. ``version`` is the orchestrator's. Never raises for valid signals."""
    plan = inputs.plan
    # In the order of names, so that nothing below can depend on the order of arrival.
    used: dict[str, Signal] = {}
    enriched_at: dict[str, str] = {}
    for agent in sorted(inputs.used):
        signal = used[agent] = inputs.used[agent]
        enriched_at[agent] = written(payload_of(signal).enriched_at)
    contributing = used
    if not plan.named.issuperset(used):
        contributing = {agent: signal for agent, signal in used.items() if agent in plan.named}
    confidence = aggregate(plan.terms, contributing)
    matched: Matched | None = None
    stages: StagesRun | None = None
    verdict = TOO_FEW
    if len(contributing) >= plan.min_agents:
        instrument = inputs.source.instrument if inputs.source is not None else None
        matched = match_route(plan.ways, View(instrument, contributing))
        staged = Staged(
            contributing,
            # As they are written, the texts sort by time.
            parse_timestamp(max(map(enriched_at.__getitem__, contributing))),
            inputs.source,
            matched.position_multiplier,
            inputs.first_seen,
            inputs.orchestrated_at,
        )
        stages = run_stages(plan.stages, staged)
        verdict = apply_precedence(inputs, used, contributing, stages, matched)
    trace = Trace(verdict, confidence, matched, stages)
    identity = decision_id(inputs.corr_id, plan.digest, used, inputs.normalized)
    content = decision_content(inputs, identity, version, contributing, enriched_at, trace)
    return Outcome(
        inputs,
        content,
        canonical_json(content),
        identity,
        verdict.action,
        verdict.reason,
        None if matched is None else matched.route,
        order_content(content, contributing[RISK], stages) if verdict.trades else None,
        used,
        enriched_at,
        trace,
    )

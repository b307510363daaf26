"""The order: the one message of an outcome that makes somebody trade (contracts §5)."""

from orchestration.canonical import number
from orchestration.content import DecisionContent, OrderContent, RiskParams
from orchestration.ids import order_id
from orchestration.signal import Signal
from orchestration.stages import StagesRun


def order_content(decision: DecisionContent, risk: Signal, stages: StagesRun | None) -> OrderContent:
    """The content of the ``execution.*`` message of a decision that trades. ``risk``: the risk agent's signal.

    ValueError for one without a source signal or a time until which it is valid: such a decision never trades.
    """
    source = decision.source_signal
    timing = None if stages is None else stages.timing
    if source is None or timing is None:
        raise ValueError("decision: one that trades")
    analysis = risk.payload.analysis
    recommendations = analysis.recommendations
    stop_loss = largest_risk = None
    if recommendations is not None:
        stop_loss, largest_risk = recommendations.suggested_stop_loss, recommendations.max_risk_per_trade
    return OrderContent(  # by position, as the decision is
        order_id(decision.decision_id),
        decision.decision_id,
        decision.corr_id,
        "orchestrator",
        f"{decision.workflow}/{decision.route}",
        source.instrument,
        source.side,
        "market",
        decision.position_size,
        "account_currency",
        source.price,
        decision.confidence,
        number(analysis.overall_score),
        decision.action,
        decision.strategy,
        decision.handler,
        decision.position_multiplier,
        decision.additional_checks,
        RiskParams(
            None if stop_loss is None else number(stop_loss),
            None if largest_risk is None else number(largest_risk),
        ),
        decision.reason,
        decision.contributing_agents,
        decision.orchestrated_at,
        timing.valid_until,
    )

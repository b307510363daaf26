"""The order: the one message of an outcome that makes somebody trade (contracts §5)."""

from orchestration.body import number_in
from orchestration.canonical import number
from orchestration.content import DecisionContent, OrderContent, RiskParams
from orchestration.ids import order_id
from orchestration.signal import JsonObject


def order_content(decision: DecisionContent, risk: JsonObject, valid_until: str) -> OrderContent:
    """The content of the ``execution.*`` message of a decision that trades. ``risk``: the risk agent's payload.

    ValueError for a decision without a source signal, which never trades.
    """
    source = decision.source_signal
    if source is None:
        raise ValueError("decision: one that trades, so with a source signal")
    analysis = risk["analysis"]
    recommendations = analysis.get("recommendations")
    stop_loss = number_in(recommendations, "suggested_stop_loss")
    largest_risk = number_in(recommendations, "max_risk_per_trade")
    score = number_in(analysis, "overall_score")
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
        None if score is None else number(score),
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
        valid_until,
    )

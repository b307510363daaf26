"""The order: the one message of an outcome that makes somebody trade (contracts §5)."""

from orchestration.body import number_in
from orchestration.canonical import number
from orchestration.ids import order_id
from orchestration.signal import JsonObject


def order_content(decision: JsonObject, risk: JsonObject, valid_until: str) -> JsonObject:
    """The content of the ``execution.*`` message of a decision that trades. ``risk``: the risk agent's payload."""
    source = decision["source_signal"]
    analysis = risk["analysis"]
    recommendations = analysis.get("recommendations")
    stop_loss = number_in(recommendations, "suggested_stop_loss")
    largest_risk = number_in(recommendations, "max_risk_per_trade")
    score = number_in(analysis, "overall_score")
    return {
        "order_id": order_id(decision["decision_id"]),
        "decision_id": decision["decision_id"],
        "corr_id": decision["corr_id"],
        "agent_id": "orchestrator",
        "strategy_id": f"{decision['workflow']}/{decision['route']}",
        "instrument": source["instrument"],
        "side": source["side"],
        "order_type": "market",
        "quantity": decision["position_size"],
        "quantity_unit": "account_currency",
        "price": source["price"],
        "confidence": decision["confidence"],
        "risk_score": None if score is None else number(score),
        "action": decision["action"],
        "strategy": decision["strategy"],
        "handler": decision["handler"],
        "position_multiplier": decision["position_multiplier"],
        "additional_checks": decision["additional_checks"],
        "risk_params": {
            "stop_loss": None if stop_loss is None else number(stop_loss),
            "max_risk_per_trade": None if largest_risk is None else number(largest_risk),
        },
        "reasoning": decision["reason"],
        "signal_refs": decision["contributing_agents"],
        "timestamp": decision["orchestrated_at"],
        "valid_until": valid_until,
    }

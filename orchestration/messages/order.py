"""`execution.*`: the order that goes out for `trade` and `trade_with_caution`."""

from typing import Literal

from pydantic import Field

from orchestration.messages.base import CorrId, Fraction, Output, Sha256, UtcTimestamp
from orchestration.messages.decision import TradeSide


class RiskParameters(Output):
    """Limits that the order carries, as the risk agent recommended them."""

    stop_loss: float | None = Field(description="A price, in quote units.")
    max_risk_per_trade: float | None = Field(description="A fraction of the account.")


class Order(Output):
    """One order. Nobody executes an `order_id` twice, or after `valid_until`."""

    order_id: str = Field(
        pattern="^ord_[0-9a-f]{32}$", description="Idempotency key, a function of decision_id."
    )
    decision_id: Sha256 = Field(description="The decision behind it.")
    corr_id: CorrId = Field(description="Id of the alert, from the webhook to the fill; the record's key.")
    agent_id: Literal["orchestrator"]
    strategy_id: str = Field(description="workflow/route.")
    instrument: str = Field(description="What is traded.")
    side: TradeSide = Field(description="Way of the trade.")
    order_type: Literal["market"]
    quantity: float = Field(gt=0, description="In quantity_unit.")
    quantity_unit: Literal["account_currency"] = Field(description="Executors convert by price.")
    price: float = Field(gt=0, description="Reference price of the source, in quote units.")
    confidence: Fraction | None = Field(description="The decision's, 0 to 1.")
    risk_score: Fraction = Field(description="The risk agent's overall_score, 0 to 1; 1 is worst.")
    action: Literal["trade", "trade_with_caution"] = Field(description="The decision's.")
    strategy: str | None = Field(description="The route's.")
    handler: str = Field(description="The route.")
    position_multiplier: float = Field(gt=0, description="The route's; already in quantity.")
    additional_checks: list[str] = Field(description="What the executor should look at first.")
    risk_params: RiskParameters = Field(description="Limits that the order carries.")
    reasoning: str = Field(description="The decision's reason.")
    signal_refs: list[str] = Field(description="Agents whose signals were used.")
    timestamp: UtcTimestamp = Field(description="The decision's orchestrated_at.")
    valid_until: UtcTimestamp = Field(description="After this the executor rejects the order as expired.")

"""`signals.normalized`: what the gateway makes of a webhook."""

from typing import Annotated, Literal

from pydantic import Field

from orchestration.messages.base import AboveZero, CorrId, Expected, Fraction, Input, Name, Timestamp

Side = Annotated[Literal["buy", "sell"], Expected("buy or sell, or null")]
WebhookSource = Annotated[Literal["tradingview", "custom", "test"], Expected("tradingview, custom or test")]


class NormalizedSignal(Input):
    """One alert in the terms that all sources share. It alone is its correlation's source signal."""

    corr_id: CorrId = Field(description="Id of the alert, from the webhook to the fill; the record's key.")
    source: WebhookSource = Field(description="Where the alert came from.")
    instrument: Name = Field(description="What is traded, e.g. EURUSD, BTC/USD, SPY.")
    price: AboveZero = Field(description="Price at the source, in quote units.")
    side: Side | None = Field(
        default=None, description="Way of the trade; null or absent: informational, never traded."
    )
    strength: Fraction | None = Field(
        default=None, description="How sure the source is, 0 to 1; null or absent: unknown."
    )
    timestamp: Timestamp = Field(description="When the source raised the alert.")
    normalized_at: Timestamp = Field(description="When the gateway normalized it.")

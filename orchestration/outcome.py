"""The one terminal decision of a correlation, with everything that led to it."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from orchestration.aggregation import Aggregate
from orchestration.content import DecisionContent, OrderContent
from orchestration.inputs import Inputs
from orchestration.routes import Matched
from orchestration.signal import JsonObject, Signal
from orchestration.stages import StagesRun
from orchestration.workflow import Route

Action = Literal["trade", "trade_with_caution", "monitor", "no_trade", "insufficient_data"]


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """``precedence``: the number of the rule that applied (contracts §5, 1 to 6)."""

    precedence: int
    action: Action
    reason: str

    @property
    def trades(self) -> bool:
        return self.action in ("trade", "trade_with_caution")


class Trace(msgspec.Struct, frozen=True, gc=False):
    """How the decision came about.

    ``matched`` and ``stages`` are None under precedence 1, where neither routes nor stages were asked.
    """

    verdict: Verdict
    aggregate: Aggregate
    matched: Matched | None
    stages: StagesRun | None


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """``content``: what the decision says; ``value`` is its canonical JSON, encoded once for all who need it.

    ``used``: all used signals by agent, sorted by name; ``enriched_at``: their times as they are written. ``route``: the route that matched, also where
    another rule had precedence; None under precedence 1. ``order``: the one executable message's content, or None.
    """

    inputs: Inputs
    content: DecisionContent
    value: bytes
    decision_id: str
    action: Action
    reason: str
    route: Route | None
    order: OrderContent | None
    used: Mapping[str, Signal]
    enriched_at: Mapping[str, str]
    trace: Trace

    @property
    def decision(self) -> JsonObject:
        """The decision as whoever reads the topic sees it, decoded anew."""
        decision: JsonObject = msgspec.json.decode(self.value)
        return decision

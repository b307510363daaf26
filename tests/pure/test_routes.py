"""The shipped routes, boundary by boundary, and what is remembered of the others (contracts §5)."""

from typing import Any

import pytest

from orchestration.plan import plan_of
from orchestration.routes import Matched, match_route
from orchestration.rules import View
from orchestration.signal import Signal
from tests.pure.builders import by_agent, default_workflow, momentum, risk

WORKFLOW = default_workflow()


def route(*signals: Signal) -> Matched:
    return match_route(plan_of(WORKFLOW).ways, View(None, by_agent(*signals)))


def seen(instrument: str | None, **analysis: Any) -> Signal:
    return momentum(
        envelope={"source": None if instrument is None else {"instrument": instrument}}, **analysis
    )


@pytest.mark.parametrize(
    ("signals", "name", "action", "reason"),
    [
        (
            [seen("BTC/USD"), risk(risk_level="high")],
            "crypto_high_risk",
            "trade_with_caution",
            "crypto_high_risk",
        ),
        (
            [seen("ETH/USD", momentum_strength=0.9), risk(risk_level="high")],
            "crypto_high_risk",
            "trade_with_caution",
            None,
        ),
        ([seen("BTC/USD"), risk(risk_level="medium")], "default", "trade", "high_confidence_momentum"),
        ([seen("BTC/EUR"), risk(risk_level="high")], "default", "monitor", "insufficient_confidence"),
        ([seen("BTCUSD", momentum_strength=0.71), risk()], "forex_momentum", "trade", "forex_momentum"),
        (
            [seen("EURUSD", momentum_strength=0.71), risk(risk_level="high")],
            "forex_momentum",
            "trade",
            "forex_momentum",
        ),
        (
            [seen("EURUSD", momentum_strength=0.71), risk(risk_level=None)],
            "forex_momentum",
            "trade",
            "forex_momentum",
        ),
        ([seen("EURUSD", momentum_strength=0.7), risk()], "default", "trade", "high_confidence_momentum"),
        ([seen("EURUS", momentum_strength=0.9), risk()], "default", "trade", "high_confidence_momentum"),
        # Six characters with a slash: crypto's rule comes first, but only at high risk.
        (
            [seen("XR/USD", momentum_strength=0.9), risk(risk_level="high")],
            "crypto_high_risk",
            "trade_with_caution",
            None,
        ),
        ([seen("XR/USD", momentum_strength=0.9), risk(risk_level="low")], "forex_momentum", "trade", None),
        (
            [seen("SPY", confidence=0.71, momentum_strength=0.61), risk(risk_level="low")],
            "default",
            "trade",
            None,
        ),
        (
            [seen("SPY", confidence=0.71, momentum_strength=0.61), risk(risk_level="medium")],
            "default",
            "trade",
            None,
        ),
        (
            [seen("SPY", confidence=0.7, momentum_strength=0.61), risk()],
            "default",
            "monitor",
            "insufficient_confidence",
        ),
        (
            [seen("SPY", confidence=0.71, momentum_strength=0.6), risk()],
            "default",
            "monitor",
            "insufficient_confidence",
        ),
        ([seen("SPY", confidence=0.71, momentum_strength=None), risk()], "default", "monitor", None),
        ([seen("SPY"), risk(risk_level="high")], "default", "monitor", "insufficient_confidence"),
        ([seen("SPY"), risk(risk_level="blocked")], "default", "monitor", "insufficient_confidence"),
        ([seen("SPY"), risk(risk_level=None)], "default", "monitor", "insufficient_confidence"),
        ([seen(None, momentum_strength=0.9), risk()], "default", "trade", "high_confidence_momentum"),
        ([risk(risk_level="high")], "default", "monitor", "insufficient_confidence"),
        ([seen("EURUSD", momentum_strength=0.9)], "forex_momentum", "trade", None),
        ([], "default", "monitor", "insufficient_confidence"),
    ],
)
def test_the_shipped_routes(signals: list[Signal], name: str, action: str, reason: str | None) -> None:
    matched = route(*signals)
    assert (matched.route.name, matched.action) == (name, action)
    assert reason in (None, matched.reason)


def test_the_instrument_of_the_rules_is_momentums() -> None:
    view = View("BTC/USD", by_agent(seen(None), risk(risk_level="high")))
    assert match_route(plan_of(WORKFLOW).ways, view).route.name == "default"


def test_each_route_tried_is_kept_with_the_clause_that_failed() -> None:
    matched = route(seen("BTC/USD", confidence=0.7), risk(risk_level="low"))
    crypto, forex, default = WORKFLOW.routes
    assert [(tried.route.name, tried.failed) for tried in matched.tried] == [
        ("crypto_high_risk", crypto.when[1]),
        ("forex_momentum", forex.when[0]),
        ("default", None),
    ]
    assert matched.withheld is default.only_when[0]


def test_routes_after_the_match_are_not_tried() -> None:
    matched = route(seen("BTC/USD"), risk(risk_level="high"))
    assert [tried.route.name for tried in matched.tried] == ["crypto_high_risk"]
    assert matched.withheld is None

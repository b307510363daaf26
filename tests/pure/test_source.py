"""Who says what the correlation is about, and when two of them disagree."""

from typing import Any

import pytest

from orchestration.signal import Signal
from orchestration.source import SourceSignal, source_conflict, source_signal
from tests.pure.builders import (
    MOMENTUM,
    RISK,
    SOURCE,
    START,
    correlation,
    enriched,
    momentum,
    normalized,
    risk,
)

ANALYSES = {"momentum": MOMENTUM, "risk": RISK}


def used(*signals: Signal) -> dict[str, Signal]:
    return {signal.agent: signal for signal in signals}


def conflict(start: Signal | None, *signals: Signal) -> bool:
    return source_conflict(start, used(*signals))


def says(agent: str, **source: Any) -> Signal:
    return enriched(agent, ANALYSES.get(agent, {}), source=source)


def test_the_normalized_signal_alone_is_the_source() -> None:
    found = source_signal(normalized(side=None, strength=None), used(momentum()))
    assert found == SourceSignal("EURUSD", 1.0945, None, None, START)


def test_strength_comes_from_the_normalized_signal_only() -> None:
    assert source_signal(normalized(), {}) == SourceSignal("EURUSD", 1.0945, "buy", 0.75, START)
    with_strength = says("momentum", **SOURCE, strength=0.9)
    assert source_signal(None, used(with_strength)) == SourceSignal("EURUSD", 1.0945, "buy", None, START)


def test_momentum_comes_before_the_others_and_they_by_name() -> None:
    macro, sentiment = says("macro", instrument="SPY"), says("sentiment", instrument="QQQ")
    assert source_signal(None, used(sentiment, macro, momentum())) == source_signal(None, used(momentum()))
    assert source_signal(None, used(sentiment, macro)) == SourceSignal(instrument="SPY")


@pytest.mark.parametrize("nothing", [None, {}, {"instrument": None, "price": None}, {"note": "x"}], ids=repr)
def test_whoever_says_nothing_is_passed_over(nothing: Any) -> None:
    silent = enriched("momentum", MOMENTUM, source=nothing)
    assert source_signal(None, used(silent)) is None
    assert source_signal(None, used(silent, says("risk", side="sell"))) == SourceSignal(side="sell")


def test_fields_of_two_signals_are_never_mixed() -> None:
    assert source_signal(None, used(says("momentum", side="buy"), risk())) == SourceSignal(side="buy")


def test_a_payload_that_was_stored_as_bytes_alone_says_the_same() -> None:
    start, agent = normalized(), momentum()
    before = source_signal(start, {}), source_signal(None, used(agent))
    start.payload = start.body = agent.payload = agent.body = None
    assert (source_signal(start, {}), source_signal(None, used(agent))) == before


def test_nobody_knows_anything() -> None:
    assert source_signal(None, {}) is None


@pytest.mark.parametrize(
    ("start", "signals", "expected"),
    [
        (normalized(), [momentum(), risk(), correlation()], False),
        (normalized(instrument="GBPUSD"), [momentum()], True),
        (normalized(side="sell"), [momentum()], True),
        (normalized(side=None), [momentum(), risk()], False),
        (None, [momentum(), says("macro", instrument="SPY")], True),
        (None, [says("risk", side="buy"), says("macro", side="sell")], True),
        (None, [says("risk", side="buy"), says("macro", instrument="SPY"), says("zeta", side="buy")], False),
        (normalized(), [says("momentum", price=2.0, timestamp="2020-01-01T00:00:00Z")], False),
        (None, [], False),
    ],
    ids=[
        "all agree",
        "instrument against the start",
        "side against the start",
        "null contradicts nothing",
        "agents on the instrument",
        "agents on the side",
        "each says another field",
        "price and time may differ",
        "nobody",
    ],
)
def test_two_instruments_or_two_sides_are_a_conflict(
    start: Signal | None, signals: list[Signal], expected: bool
) -> None:
    assert conflict(start, *signals) is expected
    assert conflict(start, *reversed(signals)) is expected

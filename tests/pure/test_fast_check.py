import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Annotated, Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from orchestration.messages.base import Input
from orchestration.messages.enriched import (
    CorrelationSignal,
    EnrichedSignal,
    MomentumSignal,
    RiskSignal,
)
from orchestration.messages.fast_check import fast_check
from orchestration.messages.normalized import NormalizedSignal
from orchestration.messages.validation import first_error

Json = dict[str, Any]

AT = "2026-01-15T10:30:02.120Z"
HASH = "0123456789abcdef" * 4
SOURCE: Json = {"instrument": "EURUSD", "price": 1.0945, "side": "buy", "timestamp": AT}
ENVELOPE: Json = {
    "schema_version": "1.0.0",
    "agent_version": "1.0.0",
    "corr_id": "req_abc123",
    "enriched_at": AT,
    "source_signal": SOURCE,
}
INPUTS: list[tuple[type[Input], Json]] = [
    (
        NormalizedSignal,
        {**SOURCE, "corr_id": "req_abc123", "source": "test", "strength": 0.5, "normalized_at": AT},
    ),
    (
        MomentumSignal,
        {
            **ENVELOPE,
            "agent_name": "momentum",
            "analysis": {
                "confidence": 0.8,
                "momentum_strength": 0.7,
                "trend_direction": "bullish",
                "technical_indicators": {"rsi": 61.2},
            },
        },
    ),
    (
        RiskSignal,
        {
            **ENVELOPE,
            "agent_name": "risk",
            "analysis": {
                "confidence": 0.9,
                "overall_score": 0.3,
                "risk_level": "low",
                "position_sizing": {"recommended_size": 7500.0, "max_position_size": 9000.0},
                "recommendations": {"suggested_stop_loss": 1.08, "max_risk_per_trade": 0.02},
                "exposure_analysis": {"current_exposure_pct": 10},
                "volatility_metrics": {"vol_percentile": 50},
            },
        },
    ),
    (CorrelationSignal, {**ENVELOPE, "agent_name": "correlation", "analysis": {"portfolio_impact": 0.45}}),
    (EnrichedSignal, {**ENVELOPE, "agent_name": "macro", "analysis": {"confidence": 0.45}}),
]
CHECKS = {model: fast_check(model) for model, _ in INPUTS}

TELLING_VALUES: list[Any] = [
    *(None, True, False, "", "x" * 128, "x" * 129, "é" * 128, [], [None], {}, {"rsi": 1}),
    *(0, 1, -1, 2, 0.0, -0.0, 0.5, 1.0, 1.0000000000000002, -5e-324, 5e-324, 1e308, -1e308),
    *(2**53 + 1, 2**63, 2**64, -(2**63) - 1, 10**300, -(10**300)),
    *("0.5", "buy", "Buy", "low", "blocked", "bullish", "test", "momentum", "req_1", "a b", "a\n"),
    *("1.0.0", "1.2.3-rc.1", "1.0", "2.0.0", "1.0.0\n", "1.0.0-", "1.01.0"),
    *(AT, "2026-01-15T10:30:02", "2026-01-15T10:30:60Z", "0001-01-01T00:00:00+01:00", 1768473002120),
]


def paths(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if isinstance(value, dict):
        for name, below in value.items():
            yield (*path, name)
            yield from paths(below, (*path, name))


def at(body: Json, path: tuple[str, ...]) -> Json:
    for name in path:
        body = body[name]
    return body


@st.composite
def damaged(draw: st.DrawFn) -> tuple[type[Input], Json]:
    """A valid message with up to three fields taken away or given a value that is likely to tell two checks apart."""
    model, valid = draw(st.sampled_from(INPUTS))
    body = cast(Json, json.loads(json.dumps(valid)))
    for _ in range(draw(st.integers(0, 3))):
        *parents, name = draw(st.sampled_from(sorted(paths(body))))
        if draw(st.booleans()):
            # A copy: an object from the list that is changed in the next round would be another one for good.
            at(body, tuple(parents))[name] = deepcopy(draw(st.sampled_from(TELLING_VALUES)))
        else:
            del at(body, tuple(parents))[name]
        if not body:
            break
    return model, body


@settings(deadline=None)
@given(damaged())
def test_the_fast_check_and_the_model_agree(case: tuple[type[Input], Json]) -> None:
    model, body = case
    assert CHECKS[model](body) == (first_error(model, body) is None)


@pytest.mark.parametrize(("model", "valid"), INPUTS, ids=[model.__name__ for model, _ in INPUTS])
def test_they_agree_on_every_telling_value_of_every_field(model: type[Input], valid: Json) -> None:
    taken = refused = 0
    for path in paths(valid):
        for value in TELLING_VALUES:
            body = cast(Json, json.loads(json.dumps(valid)))
            at(body, path[:-1])[path[-1]] = value
            error = first_error(model, body)
            assert CHECKS[model](body) == (error is None), (path, value)
            taken += error is None
            refused += error is not None
            if error is not None:
                assert error.startswith(path[0])
    assert taken
    assert refused


@pytest.mark.parametrize("body", [None, [], "text", 5, True])
def test_what_is_no_object_is_no_message(body: object) -> None:
    assert not CHECKS[MomentumSignal](body)
    assert first_error(MomentumSignal, body) == "value: object"


def test_a_constraint_that_the_fast_check_does_not_know_is_refused_at_once() -> None:
    class Multiple(BaseModel):
        size: Annotated[float, Field(multiple_of=5)]

    class Flag(BaseModel):
        on: bool

    class Pattern(BaseModel):
        name: Annotated[str, Field(pattern="^[a-z]+$")]

    class Either(BaseModel):
        size: float | str

    for model in (Multiple, Flag, Pattern, Either):
        with pytest.raises(TypeError):
            fast_check(model)

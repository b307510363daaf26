import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Annotated, Any, cast

import msgspec
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
from orchestration.messages.fast_check import fast_check, fast_read
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
READS = {model: fast_read(model) for model, _ in INPUTS}

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
    assert (CHECKS[model](body) is None) == (first_error(model, body) is not None)


@pytest.mark.parametrize(("model", "valid"), INPUTS, ids=[model.__name__ for model, _ in INPUTS])
def test_they_agree_on_every_telling_value_of_every_field(model: type[Input], valid: Json) -> None:
    taken = refused = 0
    for path in paths(valid):
        for value in TELLING_VALUES:
            body = cast(Json, json.loads(json.dumps(valid)))
            at(body, path[:-1])[path[-1]] = value
            error = first_error(model, body)
            assert (CHECKS[model](body) is None) == (error is not None), (path, value)
            taken += error is None
            refused += error is not None
            if error is not None:
                assert error.startswith(path[0])
    assert taken
    assert refused


def plain(struct: Any) -> Any:
    return msgspec.to_builtins(struct)


@pytest.mark.parametrize(("model", "valid"), INPUTS, ids=[model.__name__ for model, _ in INPUTS])
def test_what_is_read_from_the_bytes_is_what_the_decoded_value_gives(model: type[Input], valid: Json) -> None:
    read = 0
    for path in paths(valid):
        for value in TELLING_VALUES:
            body = cast(Json, json.loads(json.dumps(valid)))
            at(body, path[:-1])[path[-1]] = value
            payload = READS[model](json.dumps(body).encode())
            if payload is not None:
                read += 1
                assert plain(payload) == plain(CHECKS[model](body)), (path, value)
    assert read


@pytest.mark.parametrize(
    "value",
    [
        b'{"rsi": ' + b"9" * 400 + b"}",
        b'{"rsi": 1e999}',
        b'{"rsi": [1]}',
        b'{"rsi": {"fast": 1}}',
        b'{"note": "\xff"}',
        b'{"note": "\\ud800"}',
    ],
)
@pytest.mark.parametrize("field", [b"technical_indicators", b"unknown"])
def test_what_a_decoder_of_structs_would_pass_over_is_left_to_the_careful_way(
    field: bytes, value: bytes
) -> None:
    analysis = b'"analysis": {"confidence": 0.8'
    good = json.dumps({**ENVELOPE, "agent_name": "momentum", "analysis": {"confidence": 0.8}}).encode()
    assert READS[MomentumSignal](good) is not None
    with_field = good.replace(analysis, b'%s, "%s": %s' % (analysis, field, value))
    assert with_field != good
    assert READS[MomentumSignal](with_field) is None


def test_where_a_field_stands_twice_the_last_one_counts() -> None:
    good = json.dumps(INPUTS[1][1]).encode()
    for first in (b"0.25", b'"x"'):
        payload = READS[MomentumSignal](
            good.replace(b'"confidence"', b'"confidence": %s, "confidence"' % first)
        )
        assert payload is None or plain(payload) == plain(READS[MomentumSignal](good))


@pytest.mark.parametrize("body", [None, [], "text", 5, True])
def test_what_is_no_object_is_no_message(body: object) -> None:
    assert CHECKS[MomentumSignal](body) is None
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

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.canonical import canonical_json, number


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (8200, "8200.0"),
        (8200.0, "8200.0"),
        (0, "0.0"),
        (-0.0, "0.0"),
        (-1e-13, "0.0"),
        (0.1 + 0.2, "0.3"),
        (6e-13, "0.000000000001"),
        (1e-7, "0.0000001"),
        (-1e-7, "-0.0000001"),
        (9.99e-6, "0.00000999"),
        (1e-5, "0.00001"),
        (9999999999999998.0, "9999999999999998.0"),
        (1e16, "10000000000000000.0"),
        (-1.5e17, "-150000000000000000.0"),
        (10**20, "100000000000000000000.0"),
    ],
)
def test_a_number_has_one_text(value: float, text: str) -> None:
    assert canonical_json(number(value)).decode() == text


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 10**400])
def test_a_number_that_is_not_finite_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        number(value)


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**300), 10**300))
def test_no_number_is_written_with_an_exponent_or_without_a_fraction(value: float) -> None:
    text = canonical_json(number(value)).decode()
    assert "e" not in text.lower()
    assert "." in text
    assert text != "-0.0"


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_read_back_as_it_was_rounded_and_is_then_stable(value: float) -> None:
    read = json.loads(canonical_json(number(value)))
    assert read == round(value, 12)
    assert canonical_json(number(read)) == canonical_json(number(value))


def test_keys_keep_their_order_and_there_are_no_spaces() -> None:
    assert (
        canonical_json({"b": [1, None, True], "a": {"é": number(1)}}).decode()
        == '{"b":[1,null,true],"a":{"é":1.0}}'
    )

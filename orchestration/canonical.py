"""Canonical JSON: the one byte form of everything that is hashed, compared or written."""

from decimal import Decimal
from math import isfinite

import msgspec

Number = float | msgspec.Raw
"""A number in its canonical form."""

_encode = msgspec.json.Encoder().encode

_DECIMALS = 12
# Outside of this range (zero aside) msgspec writes an exponent: 1e16, 9.9e-6.
_SMALLEST_PLAIN = 1e-5
_LARGEST_PLAIN = 1e16
# Up to here, so many millionths are a whole number that a float still holds exactly.
_LARGEST_IN_MILLIONTHS = 1e9


def number(value: float) -> Number:
    """The canonical form of a number (an int too), ready for `canonical_json`.

    Rounded to 12 decimals, ``-0.0`` as ``0.0``, always with a fraction and never with an exponent. Raises ValueError
    when it is not finite, or no float can hold it.
    """
    if type(value) is float and _SMALLEST_PLAIN <= value < _LARGEST_IN_MILLIONTHS:
        # Most numbers that arrive have six decimals at most, so that rounding to twelve leaves them as they are. To ask
        # first is far cheaper than `round`, which prints the number and reads it again.
        millionths = value * 1e6
        if millionths.is_integer() and millionths / 1e6 == value:
            return value
        return round(value, _DECIMALS)
    try:
        # Adding 0.0 turns -0.0 into 0.0: equal numbers must not give different bytes.
        rounded = round(float(value), _DECIMALS) + 0.0
    except OverflowError:
        raise ValueError("number: a finite number") from None
    if _SMALLEST_PLAIN <= rounded < _LARGEST_PLAIN or rounded == 0.0:
        return rounded
    if not isfinite(rounded):
        raise ValueError("number: a finite number")
    if _SMALLEST_PLAIN <= -rounded < _LARGEST_PLAIN:
        return rounded
    plain = format(Decimal(repr(rounded)), "f")
    return msgspec.Raw((plain if "." in plain else plain + ".0").encode())


def canonical_json(value: object) -> bytes:
    """`value` as UTF-8 JSON without spaces, keys in the order in which they were given.

    The tree is not walked: whoever builds it puts every number that is not a plain count through `number`.
    """
    return _encode(value)

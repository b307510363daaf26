"""Canonical JSON and conditions (contracts §5, §6), apart from the real core."""

import json
import math
from decimal import Decimal
from functools import lru_cache
from typing import Any

from tests.faults.reference_validation import Json, Signal, is_number

ENVELOPE = ["schema_version", "agent_name", "agent_version", "corr_id", "enriched_at", "source_signal"]

# -- canonical JSON -----------------------------------------------------------------------------------------------------


_scalar = json.JSONEncoder(ensure_ascii=False).encode


def canonical(value: Any) -> bytes:
    return _text(value).encode("utf-8")


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ",".join(_text(name) + ":" + _text(item) for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_text(item) for item in value) + "]"
    return _scalar_text(value)


# The same names and numbers come again and again. Typed: 1, 1.0 and True are equal, and are written differently.
@lru_cache(65_536, typed=True)
def _scalar_text(value: Any) -> str:
    if isinstance(value, float):
        digits = format(Decimal(repr(rounded(value))), "f")
        return digits if "." in digits else digits + ".0"
    return _scalar(value)


def rounded(value: float) -> float:
    assert math.isfinite(value)
    return round(float(value), 12) or 0.0


# -- conditions ---------------------------------------------------------------------------------------------------------


def holds(condition: Any, signals: dict[str, Signal], instrument: str | None) -> bool:
    return all(_clause_holds(clause, signals, instrument) for clause in condition)


def _clause_holds(clause: Json, signals: dict[str, Signal], instrument: str | None) -> bool:
    if "any_of" in clause:
        return any(_clause_holds(part, signals, instrument) for part in clause["any_of"])
    if "all_of" in clause:
        return all(_clause_holds(part, signals, instrument) for part in clause["all_of"])
    operator, value = clause["op"], clause["value"]
    found = instrument if clause["field"] == "instrument" else _found(signals, clause["field"])
    if operator == "exists":
        return bool((found is not None) == value)
    if found is None and clause["field"] == "momentum.trend_direction" and "momentum" in signals:
        found = "unknown"
    operand = "" if operator == "length" else value[0] if isinstance(value, list) else value
    if found is None:
        found = _empty(operand)
    if _kind(found) != _kind(operand):
        return False
    if operator == "length":
        return bool(len(found) == value)
    if operator in ("in", "not_in"):
        return (found in value) is (operator == "in")
    if operator in ("eq", "ne"):
        return (found == value) is (operator == "eq")
    if operator == "starts_with":
        return bool(found.startswith(value))
    if operator == "ends_with":
        return bool(found.endswith(value))
    return bool(
        {"gt": found > value, "ge": found >= value, "lt": found < value, "le": found <= value}[operator]
    )


def _found(signals: dict[str, Signal], field: str) -> Any:
    agent, _, path = field.partition(".")
    if agent not in signals:
        return None
    payload = signals[agent].payload
    found = None if path.split(".")[0] in ENVELOPE else at(payload["analysis"], path)
    return at(payload, path) if found is None else found


def at(body: Any, path: str) -> Any:
    for name in path.split("."):
        body = body.get(name) if isinstance(body, dict) else None
    return body


def _kind(value: Any) -> str:
    return "number" if is_number(value) else type(value).__name__


def _empty(value: Any) -> Any:
    """What a missing field reads as beside ``value``."""
    if isinstance(value, bool):
        return False
    return 0 if is_number(value) else ""


def number(value: Any) -> float | None:
    return None if value is None else float(value)

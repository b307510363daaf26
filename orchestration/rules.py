"""Conditions, evaluated: quickly for a decision, with every comparison spelled out for a page."""

import operator
from collections.abc import Callable, Mapping
from typing import Any

from orchestration.body import at
from orchestration.condition import INSTRUMENT, AllOf, AnyOf, Clause, Operator
from orchestration.per_object import PerObject
from orchestration.signal import JsonObject

Item = Clause | AnyOf | AllOf

# A copy of these inside `analysis` was never checked: it must not steer a rule in place of the one that was.
_ENVELOPE = frozenset(
    {"schema_version", "agent_name", "agent_version", "corr_id", "enriched_at", "source_signal"}
)

# The one field whose default (contracts §3) is something else than empty or 0.
_TREND = "momentum.trend_direction"

_LONGEST_SHOWN = 200


Holds = Callable[["View"], bool]
Find = Callable[["View"], Any]
Test = Callable[[Any], bool]
Compiled = tuple[tuple[Item, Holds], ...]
"""Items with the function that tells whether they hold."""


class View:
    """What rules may look at: the instrument, and by agent the payloads of the signals that count."""

    __slots__ = ("bodies", "instrument")

    def __init__(self, instrument: str | None, bodies: Mapping[str, JsonObject]) -> None:
        self.instrument = instrument
        self.bodies = bodies


def first_failed(condition: tuple[Item, ...], view: View) -> Item | None:
    """The first item of the condition that does not hold; None when it holds. Never raises."""
    return first_failed_of(compiled(condition), view)


def first_failed_of(condition: Compiled, view: View) -> Item | None:
    """``first_failed`` of a condition that the caller has compiled before."""
    for item, holds in condition:
        if not holds(view):
            return item
    return None


def trace(condition: tuple[Item, ...], view: View) -> list[JsonObject]:
    """Each item with what was found and whether it holds, JSON-able: nothing is left out after the first that fails."""
    return [_trace(item, view) for item in condition]


def describe(item: Item | None) -> JsonObject | None:
    """The item as it stands in the workflows file."""
    return None if item is None else item.model_dump(mode="json")


def clause_holds(clause: Clause, found: Any) -> bool:
    """Whether the clause holds where its field has this value (None: missing)."""
    return _test(clause.op, clause.value)(found)


def _trace(item: Item, view: View) -> JsonObject:
    match item:
        case Clause(field=field, op=op, value=value):
            found = _finder(field, op)(view)
            return {
                "field": field,
                "op": op,
                "value": value,
                "found": _shown(found),
                "holds": clause_holds(item, found),
            }
        case AnyOf(any_of=inside):
            parts = [_trace(part, view) for part in inside]
            return {"any_of": parts, "holds": any(part["holds"] for part in parts)}
        case AllOf(all_of=inside):
            parts = [_trace(part, view) for part in inside]
            return {"all_of": parts, "holds": all(part["holds"] for part in parts)}


def _shown(found: Any) -> Any:
    if isinstance(found, str):
        return found[:_LONGEST_SHOWN]
    return found if found is None or isinstance(found, bool | int | float) else f"({type(found).__name__})"


def _compile(condition: tuple[Item, ...]) -> Compiled:
    return tuple((item, _holds(item)) for item in condition)


compiled: PerObject[tuple[Item, ...], Compiled] = PerObject(_compile)


def _holds(item: Item) -> Holds:
    match item:
        case Clause(field=field, op=op, value=value):
            find, test = _finder(field, op), _test(op, value)
            return lambda view: test(find(view))
        case AnyOf(any_of=inside):
            parts = tuple(_holds(part) for part in inside)
            return lambda view: any(holds(view) for holds in parts)
        case AllOf(all_of=inside):
            parts = tuple(_holds(part) for part in inside)
            return lambda view: all(holds(view) for holds in parts)


def _finder(field: str, op: Operator) -> Find:
    if field == INSTRUMENT:
        return lambda view: view.instrument
    find = _finder_in_payload(*field.split("."))
    if field != _TREND or op == "exists":
        return find
    momentum = field.partition(".")[0]

    def find_trend(view: View) -> Any:
        found = find(view)
        return "unknown" if found is None and momentum in view.bodies else found

    return find_trend


def _finder_in_payload(agent: str, *path: str) -> Find:
    name = path[0]
    if name in _ENVELOPE:
        *outer, last = path

        def find_in_envelope(view: View) -> Any:
            found: Any = view.bodies.get(agent)
            for name in outer:
                if type(found) is not dict:
                    return None
                found = found.get(name)
            return found.get(last) if type(found) is dict else None

        return find_in_envelope

    if len(path) == 1:

        def find_one(view: View) -> Any:
            body = view.bodies.get(agent)
            if body is None:
                return None
            found = body["analysis"].get(name)
            return found if found is not None else body.get(name)

        return find_one

    def find(view: View) -> Any:
        body = view.bodies.get(agent)
        if body is None:
            return None
        found = at(body["analysis"], *path)
        return found if found is not None else at(body, *path)

    return find


_TEXT: tuple[type, ...] = (str,)
_NUMBER: tuple[type, ...] = (float, int)
_TRUTH: tuple[type, ...] = (bool,)


def _test(op: Operator, operand: Any) -> Test:
    if op == "exists":
        return lambda found: (found is not None) is operand
    compare = _COMPARISONS[op]
    sample = operand[0] if isinstance(operand, tuple) else operand
    kinds: tuple[type, ...]
    empty: Any
    if op == "length" or isinstance(sample, str):
        kinds, empty = _TEXT, ""
    elif isinstance(sample, bool):
        kinds, empty = _TRUTH, False
    else:
        kinds, empty = _NUMBER, 0

    def test(found: Any) -> bool:
        if found is None:
            found = empty
        # Exact types: a truth value is an int to Python, and `true > 0.7` must not trade.
        elif type(found) not in kinds:
            return False
        return compare(found, operand)

    return test


_COMPARISONS: dict[Operator, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
    "in": lambda found, operand: found in operand,
    "not_in": lambda found, operand: found not in operand,
    "starts_with": str.startswith,
    "ends_with": str.endswith,
    "length": lambda found, operand: len(found) == operand,
}

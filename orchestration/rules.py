"""Conditions, evaluated: quickly for a decision, with every comparison spelled out for a page."""

import operator
from collections.abc import Callable, Mapping
from typing import Any

from orchestration.body import at, body_of
from orchestration.condition import INSTRUMENT, AllOf, AnyOf, Clause, Operator
from orchestration.payload import finder
from orchestration.per_object import PerObject
from orchestration.signal import JsonObject, Signal

Item = Clause | AnyOf | AllOf

# A copy of these inside `analysis` was never checked: it must not steer a rule in place of the one that was.
_ENVELOPE = frozenset(
    {"schema_version", "agent_name", "agent_version", "corr_id", "enriched_at", "source_signal"}
)

# The one field whose default (contracts §3) is something else than empty or 0.
_TREND = "momentum.trend_direction"

_LONGEST_SHOWN = 200


Holds = Callable[["View"], bool]
FindInView = Callable[["View"], Any]
Test = Callable[[Any], bool]
Compiled = tuple[tuple[Item, Holds], ...]
"""Items with the function that tells whether they hold."""


class View:
    """What rules may look at: the instrument, and by agent the valid signals that count."""

    __slots__ = ("instrument", "signals")

    def __init__(self, instrument: str | None, signals: Mapping[str, Signal]) -> None:
        self.instrument = instrument
        self.signals = signals


def first_failed(condition: tuple[Item, ...], view: View) -> Item | None:
    """The first item of the condition that does not hold; None when it holds. Never raises."""
    for item, holds in compiled(condition):
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
            found = _finder_in_payload(field, op)(view)
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


def compile_condition(condition: tuple[Item, ...]) -> Compiled:
    """Each item with a function of its own, made once so that it is quick to ask."""
    return tuple((item, _holds(item)) for item in condition)


compiled: PerObject[tuple[Item, ...], Compiled] = PerObject(compile_condition)


def _holds(item: Item) -> Holds:
    match item:
        case Clause(field=field, op=op, value=value):
            find, test = _quick_finder(field, op), _test(op, value)
            return lambda view: test(find(view))
        case AnyOf(any_of=inside):
            parts = tuple(_holds(part) for part in inside)
            return lambda view: any(holds(view) for holds in parts)
        case AllOf(all_of=inside):
            parts = tuple(_holds(part) for part in inside)
            return lambda view: all(holds(view) for holds in parts)


def _quick_finder(field: str, op: Operator) -> FindInView:
    """What finds the same as `_finder_in_payload`, in the payload's struct where it names the field."""
    agent, *path = field.split(".")
    envelope = field == INSTRUMENT or path[0] in _ENVELOPE
    find_known = None if field == INSTRUMENT else finder(agent, path if envelope else ("analysis", *path))
    find_any = _finder_in_payload(field, op)
    if find_known is None:
        return find_any

    def find(view: View) -> Any:
        signal = view.signals.get(agent)
        if signal is None:
            return None
        found = find_known(signal)
        # What `analysis` does not say may still stand at the top, where no model names it.
        return found if found is not None or envelope else find_any(view)

    return find


def _finder_in_payload(field: str, op: Operator) -> FindInView:
    if field == INSTRUMENT:
        return lambda view: view.instrument
    agent, *path = field.split(".")

    def find(view: View) -> Any:
        signal = view.signals.get(agent)
        if signal is None:
            return None
        body = body_of(signal)
        found = None if path[0] in _ENVELOPE else at(body["analysis"], *path)
        if found is None:
            found = at(body, *path)
        return "unknown" if found is None and field == _TREND and op != "exists" else found

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

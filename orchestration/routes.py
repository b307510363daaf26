"""Which way a decision goes: the first of the workflow's routes whose conditions hold."""

from typing import Literal

import msgspec

from orchestration.per_object import PerObject
from orchestration.rules import Compiled, Item, View, compiled, first_failed_of
from orchestration.workflow import Route, Workflow

RouteAction = Literal["trade", "trade_with_caution", "monitor"]


class Tried(msgspec.Struct, frozen=True, gc=False):
    """A route that was asked, with the first item of its `when` that did not hold; None for the one that matched."""

    route: Route
    failed: Item | None


class Matched(msgspec.Struct, frozen=True, gc=False):
    """``name`` and ``position_multiplier``: the route's. ``action`` and ``reason``: what it gives.

    ``withheld``: the item of its `only_when` that did not hold.
    """

    route: Route
    name: str
    position_multiplier: float
    action: RouteAction
    reason: str
    withheld: Item | None
    tried: tuple[Tried, ...]


def match_route(workflow: Workflow, view: View) -> Matched:
    """The first matching route. LookupError cannot happen: the last route of a workflow matches always."""
    tried: list[Tried] = []
    for way in _ways(workflow):
        failed = first_failed_of(way.when, view)
        tried.append(Tried(way.route, failed))
        if failed is None:
            withheld = first_failed_of(way.only_when, view)
            action, reason = way.gives if withheld is None else way.otherwise
            return Matched(
                way.route, way.name, way.position_multiplier, action, reason, withheld, tuple(tried)
            )
    raise LookupError(f"workflow {workflow.name!r}: no route matches")


class _Way(msgspec.Struct, frozen=True):
    """A route, laid out to be tried: conditions compiled, what it gives where `only_when` holds and where it does not."""

    route: Route
    name: str
    position_multiplier: float
    when: Compiled
    only_when: Compiled
    gives: tuple[RouteAction, str]
    otherwise: tuple[RouteAction, str]


def _make_ways(workflow: Workflow) -> tuple[_Way, ...]:
    return tuple(map(_way, workflow.routes))


def _way(route: Route) -> _Way:
    gives = (route.action, route.reason or route.name)
    return _Way(
        route,
        route.name,
        route.position_multiplier,
        compiled(route.when),
        compiled(route.only_when),
        gives,
        # Without an `otherwise` there is no `only_when` that could fail.
        gives if route.otherwise is None else (route.otherwise.action, route.otherwise.reason),
    )


_ways: PerObject[Workflow, tuple[_Way, ...]] = PerObject(_make_ways)

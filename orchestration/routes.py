"""Which way a decision goes: the first of the workflow's routes whose conditions hold."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from orchestration.rules import Compiled, Holds, Item, View, compile_condition
from orchestration.workflow import Route

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


class Way(msgspec.Struct, frozen=True):
    """A route, laid out to be tried: conditions compiled, what it gives where `only_when` holds and where it does not.

    ``when``: what to ask, each with what is remembered where it does not hold. ``matches``: the same for the match.
    """

    route: Route
    name: str
    position_multiplier: float
    when: tuple[tuple[Holds, Tried], ...]
    matches: Tried
    only_when: Compiled
    gives: tuple[RouteAction, str]
    otherwise: tuple[RouteAction, str]


def match_route(ways: Sequence[Way], view: View) -> Matched:
    """The first of a workflow's routes that matches. LookupError cannot happen: its last one matches always."""
    tried: list[Tried] = []
    for way in ways:
        for holds, failed in way.when:
            if not holds(view):
                tried.append(failed)
                break
        else:
            tried.append(way.matches)
            return _matched(way, view, tuple(tried))
    raise LookupError("routes: one that matches always")


def _matched(way: Way, view: View, tried: tuple[Tried, ...]) -> Matched:
    for item, holds in way.only_when:
        if not holds(view):
            return Matched(way.route, way.name, way.position_multiplier, *way.otherwise, item, tried)
    return Matched(way.route, way.name, way.position_multiplier, *way.gives, None, tried)


def ways(routes: Sequence[Route]) -> tuple[Way, ...]:
    """A workflow's routes, prepared."""
    return tuple(map(_way, routes))


def _way(route: Route) -> Way:
    gives = (route.action, route.reason or route.name)
    return Way(
        route,
        route.name,
        route.position_multiplier,
        tuple((holds, Tried(route, item)) for item, holds in compile_condition(route.when)),
        Tried(route, None),
        compile_condition(route.only_when),
        gives,
        # Without an `otherwise` there is no `only_when` that could fail.
        gives if route.otherwise is None else (route.otherwise.action, route.otherwise.reason),
    )

"""Which way a decision goes: the first of the workflow's routes whose conditions hold."""

from typing import Literal, NamedTuple

from orchestration.rules import Item, View, first_failed
from orchestration.workflow import Route, Workflow


class Tried(NamedTuple):
    """A route that was asked, with the first item of its `when` that did not hold; None for the one that matched."""

    route: Route
    failed: Item | None


class Matched(NamedTuple):
    """``action`` and ``reason`` are what the route gives; ``withheld``: the item of its `only_when` that did not hold."""

    route: Route
    action: Literal["trade", "trade_with_caution", "monitor"]
    reason: str
    withheld: Item | None
    tried: tuple[Tried, ...]


def match_route(workflow: Workflow, view: View) -> Matched:
    """The first matching route. LookupError cannot happen: the last route of a workflow matches always."""
    tried: list[Tried] = []
    for route in workflow.routes:
        failed = first_failed(route.when, view)
        tried.append(Tried(route, failed))
        if failed is None:
            withheld = first_failed(route.only_when, view)
            if withheld is not None and route.otherwise is not None:
                return Matched(route, route.otherwise.action, route.otherwise.reason, withheld, tuple(tried))
            return Matched(route, route.action, route.reason or route.name, None, tuple(tried))
    raise LookupError(f"workflow {workflow.name!r}: no route matches")

"""What is allowed in a workflows file, but rarely meant: rules that nobody reaches, trades that nobody asked risk about."""

from collections.abc import Iterable, Iterator, Sequence

from orchestration.condition import AllOf, AnyOf, Clause
from orchestration.rules import clause_holds
from orchestration.workflow import Route, Workflow

Item = Clause | AnyOf | AllOf

RISK_LEVEL_FIELDS = ("risk.risk_level", "risk.analysis.risk_level")


def warnings(workflows: Iterable[Workflow]) -> list[str]:
    """Sentences for the log, in the order of the file."""
    ordered = list(workflows)
    found: list[str] = []
    for index, workflow in enumerate(ordered):
        found.extend(_never_chosen(workflow, ordered[:index]))
        for place, route in enumerate(workflow.routes):
            found.extend(_never_taken(workflow, route, workflow.routes[:place]))
            found.extend(_trades_whatever_the_risk(workflow, route))
    return found


def _never_chosen(workflow: Workflow, earlier: Sequence[Workflow]) -> Iterator[str]:
    for other in earlier:
        if _covers(other.match, workflow.match):
            yield f"workflow {workflow.name!r} is never chosen for an instrument: all that it matches goes to {other.name!r} before it"
            return


def _never_taken(workflow: Workflow, route: Route, earlier: Sequence[Route]) -> Iterator[str]:
    for other in earlier:
        if _covers(other.when, route.when):
            yield (
                f"workflow {workflow.name!r}: route {route.name!r} is never reached: "
                f"all that it matches goes to {other.name!r} before it"
            )
            return


def _covers(earlier: Sequence[Item], later: Sequence[Item]) -> bool:
    """Whether the earlier condition surely holds wherever the later does: it asks for nothing that the later does not."""
    return all(_follows(item, later) for item in earlier)


def _follows(item: Item, given: Sequence[Item]) -> bool:
    if item in given:
        return True
    match item:
        case AnyOf(any_of=inside):
            return any(_follows(part, given) for part in inside)
        case AllOf(all_of=inside):
            return all(_follows(part, given) for part in inside)
        case _:
            return False


def _trades_whatever_the_risk(workflow: Workflow, route: Route) -> Iterator[str]:
    if not route.trades:
        return
    condition = route.when + route.only_when
    when = []
    if _possible(condition, "high"):
        when.append("at risk_level high")
    if _possible(condition, None):
        when.append("without a risk_level")
    if when:
        yield f"workflow {workflow.name!r}: route {route.name!r} trades {' and '.join(when)}"


def _possible(condition: Sequence[Item], risk_level: str | None) -> bool:
    """Whether the condition can hold at this risk level, whatever all other fields say."""
    return all(_may_hold(item, risk_level) for item in condition)


def _may_hold(item: Item, risk_level: str | None) -> bool:
    match item:
        case Clause(field=field):
            return field not in RISK_LEVEL_FIELDS or clause_holds(item, risk_level)
        case AnyOf(any_of=inside):
            return any(_may_hold(part, risk_level) for part in inside)
        case AllOf(all_of=inside):
            return all(_may_hold(part, risk_level) for part in inside)

"""Confidence: the weighted mean of what the agents say, and each agent's part in it (contracts §5)."""

from collections.abc import Mapping
from typing import NamedTuple

from orchestration.body import at, number_in
from orchestration.per_object import PerObject
from orchestration.signal import JsonObject
from orchestration.workflow import Weight, Workflow

_COMPLEMENT = "1 - "


class Aggregate(NamedTuple):
    """``confidence`` in 0..1, None without a weighted agent; ``contributions`` by weighted agent, summing to it."""

    confidence: float | None
    contributions: Mapping[str, float]


class _Term(NamedTuple):
    """``inside``: the path to the object, of an analysis, that has the field ``name``."""

    agent: str
    weight: float
    complement: bool
    inside: tuple[str, ...]
    name: str


def aggregate(workflow: Workflow, bodies: Mapping[str, JsonObject]) -> Aggregate:
    """Weigh the valid signals in ``bodies``; the weights of agents that are missing fall to the others."""
    # In the workflow's order: float addition is not associative, and another order gives other last digits.
    weights = total = 0.0
    parts: dict[str, float] = {}
    for agent, weight, complement, inside, name in _terms(workflow):
        body = bodies.get(agent)
        if body is not None:
            found = body["analysis"]
            value = number_in(at(found, *inside) if inside else found, name)
            # Fields of agents that we do not know are unchecked: what is missing or out of range adds no confidence,
            # where `1 - 0` or a clamp would have made it full confidence.
            if value is None or not 0 <= value <= 1:
                share = 0.0
            else:
                share = 1 - value if complement else value
            part = parts[agent] = weight * share
            weights += weight
            total += part
    if not parts:
        return Aggregate(None, parts)
    for agent, part in parts.items():
        parts[agent] = part / weights
    return Aggregate(total / weights, parts)


def _make_terms(workflow: Workflow) -> tuple[_Term, ...]:
    return tuple(_term(agent, weight) for agent, weight in workflow.weights.items())


def _term(agent: str, weight: Weight) -> _Term:
    *inside, name = weight.value.removeprefix(_COMPLEMENT).split(".")
    return _Term(agent, weight.weight, weight.value.startswith(_COMPLEMENT), tuple(inside), name)


_terms: PerObject[Workflow, tuple[_Term, ...]] = PerObject(_make_terms)

"""Confidence: the weighted mean of what the agents say, and each agent's part in it (contracts §5)."""

from collections.abc import Mapping
from typing import NamedTuple

from orchestration.body import number_at
from orchestration.per_object import PerObject
from orchestration.signal import JsonObject
from orchestration.workflow import Workflow

_COMPLEMENT = "1 - "


class Aggregate(NamedTuple):
    """``confidence`` in 0..1, None without a weighted agent; ``contributions`` by weighted agent, summing to it."""

    confidence: float | None
    contributions: Mapping[str, float]


class _Term(NamedTuple):
    agent: str
    weight: float
    complement: bool
    path: tuple[str, ...]


def aggregate(workflow: Workflow, bodies: Mapping[str, JsonObject]) -> Aggregate:
    """Weigh the valid signals in ``bodies``; the weights of agents that are missing fall to the others."""
    parts = [
        (term, term.weight * _value(term, bodies[term.agent]))
        for term in _terms(workflow)
        if term.agent in bodies
    ]
    if not parts:
        return Aggregate(None, {})
    # In the workflow's order: float addition is not associative, and another order gives other last digits.
    weights = total = 0.0
    for term, part in parts:
        weights += term.weight
        total += part
    return Aggregate(total / weights, {term.agent: part / weights for term, part in parts})


def _value(term: _Term, body: JsonObject) -> float:
    value = number_at(body, "analysis", *term.path)
    # Fields of agents that we do not know are unchecked: what is missing or out of range adds no confidence,
    # where `1 - 0` or a clamp would have made it full confidence.
    if value is None or not 0 <= value <= 1:
        return 0.0
    return 1 - value if term.complement else value


def _make_terms(workflow: Workflow) -> tuple[_Term, ...]:
    return tuple(
        _Term(
            agent,
            weight.weight,
            weight.value.startswith(_COMPLEMENT),
            tuple(weight.value.removeprefix(_COMPLEMENT).split(".")),
        )
        for agent, weight in workflow.weights.items()
    )


_terms: PerObject[Workflow, tuple[_Term, ...]] = PerObject(_make_terms)

"""Confidence: the weighted mean of what the agents say, and each agent's part in it (contracts §5)."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from orchestration.body import at, body_of, number_in
from orchestration.payload import Find, finder
from orchestration.signal import Signal
from orchestration.workflow import Weight

_COMPLEMENT = "1 - "


class Aggregate(NamedTuple):
    """``confidence`` in 0..1, None without a weighted agent; ``contributions`` by weighted agent, summing to it."""

    confidence: float | None
    contributions: Mapping[str, float]


class Term(msgspec.Struct, frozen=True):
    """One agent's weight, and where its value is found."""

    agent: str
    weight: float
    complement: bool
    find: Find


def aggregate(terms: Sequence[Term], signals: Mapping[str, Signal]) -> Aggregate:
    """Weigh the valid ``signals``; the weights of agents that are missing fall to the others."""
    # In the workflow's order: float addition is not associative, and another order gives other last digits.
    weights = total = 0.0
    parts: dict[str, float] = {}
    for term in terms:
        agent = term.agent
        if agent in signals:
            value = term.find(signals[agent])
            # Fields of agents that we do not know are unchecked: what is missing or out of range adds no confidence,
            # where `1 - 0` or a clamp would have made it full confidence.
            if value is None or not 0 <= value <= 1:
                share = 0.0
            else:
                share = 1 - value if term.complement else value
            weight = term.weight
            part = parts[agent] = weight * share
            weights += weight
            total += part
    if not parts:
        return Aggregate(None, parts)
    for agent, part in parts.items():
        parts[agent] = part / weights
    return Aggregate(total / weights, parts)


def weighted_terms(weights: Mapping[str, Weight]) -> tuple[Term, ...]:
    """A workflow's weights, laid out to be summed."""
    return tuple(_term(agent, weight) for agent, weight in weights.items())


def _term(agent: str, weight: Weight) -> Term:
    path = weight.value.removeprefix(_COMPLEMENT).split(".")
    find = finder(agent, ("analysis", *path)) or _number_at(path)
    return Term(agent, weight.weight, weight.value.startswith(_COMPLEMENT), find)


def _number_at(path: Sequence[str]) -> Find:
    *inside, name = path
    return lambda signal: number_in(at(body_of(signal)["analysis"], *inside), name)

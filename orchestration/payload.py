"""Payloads of valid signals: a struct with what the core knows by name, and every other field by its path."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Any, Literal, Protocol, get_origin

from pydantic import BaseModel

from orchestration.body import body_of
from orchestration.messages.base import Input
from orchestration.messages.enriched import enriched_model
from orchestration.messages.fast_check import Check, fast_check
from orchestration.messages.normalized import NormalizedSignal
from orchestration.messages.shape import field_shape
from orchestration.signal import NORMALIZED, Signal

Find = Callable[[Signal], Any]


class SourcePayload(Protocol):
    """``source_signal`` of an enriched signal, as far as a check has made it certain."""

    instrument: str | None
    price: float | None
    side: str | None
    timestamp: str | None


class EnrichedPayload(Protocol):
    """An enriched signal. ``analysis`` has the fields that the agent's model names; absent ones are None."""

    agent_version: str | None
    enriched_at: str
    source_signal: SourcePayload | None
    analysis: Any


class NormalizedPayload(Protocol):
    """A normalized signal."""

    instrument: str
    price: float
    side: str | None
    strength: float | None
    timestamp: str
    normalized_at: str


def input_model(agent: str) -> type[Input]:
    """The model of an agent's signals, or of normalized ones."""
    return NormalizedSignal if agent == NORMALIZED else enriched_model(agent)


def payload_of(signal: Signal) -> Any:
    """The payload of a valid signal. A row that was stored keeps only its bytes, so it may be made anew.

    ValueError for an invalid signal.
    """
    if signal.payload is None:
        signal.payload = _check_of(signal.agent)(body_of(signal))
        if signal.payload is None:
            raise ValueError("signal: only a valid one has a payload")
    return signal.payload


@lru_cache(maxsize=256)
def _check_of(agent: str) -> Check:
    return fast_check(input_model(agent))


def finder(agent: str, path: Sequence[str]) -> Find | None:
    """What reads the value at this path of the agent's payloads; None where the model does not name such a value."""
    model: type[BaseModel] = input_model(agent)
    optional: list[str] = []
    *parents, last = path
    for name in parents:
        if name not in model.model_fields:
            return None
        shape = field_shape(model.model_fields[name])
        if not (isinstance(shape.type, type) and issubclass(shape.type, BaseModel)):
            return None
        if shape.nullable:
            optional.append(name)
        model = shape.type
    if last not in model.model_fields:
        return None
    type_ = field_shape(model.model_fields[last]).type
    if type_ not in (str, float) and get_origin(type_) is not Literal:
        return None
    if not optional:
        return attrgetter(".".join(("payload", *path)))
    if optional != parents[-1:]:
        return None
    return _in_optional(attrgetter(".".join(("payload", *parents))), attrgetter(last))


def _in_optional(get_parent: Callable[[Any], Any], get: Callable[[Any], Any]) -> Find:
    def find(signal: Signal) -> Any:
        parent = get_parent(signal)
        return None if parent is None else get(parent)

    return find

"""The source signal of a correlation: what it is about, as far as its signals tell (contracts §3)."""

from collections.abc import Iterator, Mapping

from orchestration.body import at, body_of, number_at, text_at
from orchestration.inputs import SourceSignal
from orchestration.signal import JsonObject, Signal
from orchestration.timestamps import parse_timestamp

MOMENTUM = "momentum"

_FIELDS = ("instrument", "price", "side", "timestamp")


def source_signal(normalized: Signal | None, used: Mapping[str, Signal]) -> SourceSignal | None:
    """The normalized signal alone, else what momentum says of it, else the first other agent by name that says anything.

    ``used``: valid signals by agent. None when none of them knows anything. Fields are never mixed from two of them.
    """
    if normalized is not None:
        body = body_of(normalized)
        return _source(body, number_at(body, "strength"))
    momentum = used.get(MOMENTUM)
    if momentum is not None:
        source = _said_by(momentum)
        if source is not None:
            return _source(source, None)
    for agent in sorted(used):
        source = _said_by(used[agent])
        if source is not None:
            return _source(source, None)
    return None


def source_conflict(normalized: Signal | None, bodies: Mapping[str, JsonObject]) -> bool:
    """Whether two signals name different instruments, or different sides. What is not said contradicts nothing.

    ``bodies``: payloads of the agents' used signals.
    """
    instrument = side = None
    for source in _all(normalized, bodies):
        said = text_at(source, "instrument")
        if said is not None:
            if instrument is not None and said != instrument:
                return True
            instrument = said
        said = text_at(source, "side")
        if said is not None:
            if side is not None and said != side:
                return True
            side = said
    return False


def _all(normalized: Signal | None, bodies: Mapping[str, JsonObject]) -> Iterator[JsonObject]:
    if normalized is not None:
        yield body_of(normalized)
    for body in bodies.values():
        source = body.get("source_signal")
        if type(source) is dict:
            yield source


def _said_by(signal: Signal) -> JsonObject | None:
    source = at(body_of(signal), "source_signal")
    if type(source) is dict and any(source.get(field) is not None for field in _FIELDS):
        return source
    return None


def _source(body: JsonObject, strength: float | None) -> SourceSignal:
    timestamp = text_at(body, "timestamp")
    return SourceSignal(
        instrument=text_at(body, "instrument"),
        price=number_at(body, "price"),
        side=text_at(body, "side"),
        strength=strength,
        timestamp=None if timestamp is None else parse_timestamp(timestamp),
    )

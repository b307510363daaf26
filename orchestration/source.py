"""The source signal of a correlation: what it is about, as far as its signals tell (contracts §3)."""

from collections.abc import Mapping

from orchestration.body import body_of, number_in, text_in
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
        return _source(body, number_in(body, "strength"))
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
    if normalized is not None:
        body = body_of(normalized)
        instrument, side = text_in(body, "instrument"), text_in(body, "side")
    for body in bodies.values():
        source = body.get("source_signal")
        if type(source) is not dict:
            continue
        said = text_in(source, "instrument")
        if said is not None:
            if instrument is not None and said != instrument:
                return True
            instrument = said
        said = text_in(source, "side")
        if said is not None:
            if side is not None and said != side:
                return True
            side = said
    return False


def _said_by(signal: Signal) -> JsonObject | None:
    source = body_of(signal).get("source_signal")
    if type(source) is dict:
        for field in _FIELDS:
            if source.get(field) is not None:
                return source
    return None


def _source(body: JsonObject, strength: float | None) -> SourceSignal:
    timestamp = text_in(body, "timestamp")
    return SourceSignal(
        text_in(body, "instrument"),
        number_in(body, "price"),
        text_in(body, "side"),
        strength,
        None if timestamp is None else parse_timestamp(timestamp),
    )

"""The source signal of a correlation: what it is about, as far as its signals tell (contracts §3)."""

from collections.abc import Mapping

import msgspec

from orchestration.payload import EnrichedPayload, NormalizedPayload, SourcePayload, payload_of
from orchestration.signal import Signal
from orchestration.timestamps import parse_timestamp

MOMENTUM = "momentum"


class SourceSignal(msgspec.Struct, frozen=True, gc=False):
    """What started the correlation, as far as it is known (contracts §3). ``timestamp`` in ms since the epoch."""

    instrument: str | None = None
    price: float | None = None
    side: str | None = None
    strength: float | None = None
    timestamp: int | None = None


def source_signal(normalized: Signal | None, used: Mapping[str, Signal]) -> SourceSignal | None:
    """The normalized signal alone, else what momentum says of it, else the first other agent by name that says anything.

    ``used``: valid signals by agent. None when none of them knows anything. Fields are never mixed from two of them.
    """
    if normalized is not None:
        started: NormalizedPayload = payload_of(normalized)
        return SourceSignal(
            started.instrument,
            started.price,
            started.side,
            started.strength,
            parse_timestamp(started.timestamp),
        )
    momentum = used.get(MOMENTUM)
    if momentum is not None:
        source = _said_by(momentum)
        if source is not None:
            return source
    for agent in sorted(used):
        source = _said_by(used[agent])
        if source is not None:
            return source
    return None


def source_conflict(normalized: Signal | None, used: Mapping[str, Signal]) -> bool:
    """Whether two signals name different instruments, or different sides. What is not said contradicts nothing.

    ``used``: the agents' valid signals.
    """
    instrument = side = None
    if normalized is not None:
        started: NormalizedPayload = payload_of(normalized)
        instrument, side = started.instrument, started.side
    for signal in used.values():
        payload: EnrichedPayload = payload_of(signal)
        source = payload.source_signal
        if source is None:
            continue
        said = source.instrument
        if said is not None:
            if instrument is not None and said != instrument:
                return True
            instrument = said
        said = source.side
        if said is not None:
            if side is not None and said != side:
                return True
            side = said
    return False


def _said_by(signal: Signal) -> SourceSignal | None:
    payload: EnrichedPayload = payload_of(signal)
    source: SourcePayload | None = payload.source_signal
    if source is None:
        return None
    instrument, price, side, timestamp = source.instrument, source.price, source.side, source.timestamp
    if instrument is None and price is None and side is None and timestamp is None:
        return None
    return SourceSignal(
        instrument, price, side, None, None if timestamp is None else parse_timestamp(timestamp)
    )

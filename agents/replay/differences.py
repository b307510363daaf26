"""Where two decisions differ, by field."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from orchestration.signal import JsonObject

_MISSING = object()
VERSION_FIELD = "orchestrator_version"


class FieldDifference(NamedTuple):
    """``field``: a dotted path, positions in lists from 0. ``live`` and ``replay`` as JSON text; None: not there."""

    field: str
    live: str | None
    replay: str | None


class Difference(NamedTuple):
    """``what``: a sentence. ``fields``: of decisions that both sides made."""

    corr_id: str
    what: str
    fields: tuple[FieldDifference, ...] = ()

    def as_json(self) -> JsonObject:
        fields = [field._asdict() for field in self.fields]
        return {"corr_id": self.corr_id, "what": self.what, "fields": fields}

    def __str__(self) -> str:
        lines = [f"{self.corr_id}: {self.what}"]
        lines += [f"    {field}: live {live}, replay {replay}" for field, live, replay in self.fields]
        return "\n".join(lines)


def compare(live: bytes, replay: bytes) -> tuple[FieldDifference, ...]:
    """Fields in which two decisions differ, ``orchestrator_version`` aside; of bytes that no field tells apart, one of no name."""
    try:
        decoded: Any = msgspec.json.decode(live)
    except msgspec.DecodeError:
        return (FieldDifference("", "no JSON", None),)
    mine = msgspec.json.decode(replay)
    found = tuple(
        FieldDifference(path, *_texts(a, b))
        for path, a, b in _walk("", decoded, mine)
        if path != VERSION_FIELD
    )
    return found or (FieldDifference("", "other bytes of equal content", None),)


def version_of(decision: bytes) -> str | None:
    """The ``orchestrator_version`` in a decision; None where there is none."""
    try:
        found = msgspec.json.decode(decision, type=_Versioned)
    except msgspec.DecodeError:
        return None
    return found.orchestrator_version


class _Versioned(msgspec.Struct):
    orchestrator_version: str


def _walk(path: str, live: Any, replay: Any) -> Iterator[tuple[str, Any, Any]]:
    if type(live) is dict and type(replay) is dict:
        for key in [*live, *(key for key in replay if key not in live)]:
            inside = f"{path}.{key}" if path else key
            yield from _walk(inside, live.get(key, _MISSING), replay.get(key, _MISSING))
    elif type(live) is list and type(replay) is list:
        for index in range(max(len(live), len(replay))):
            a = live[index] if index < len(live) else _MISSING
            b = replay[index] if index < len(replay) else _MISSING
            yield from _walk(f"{path}.{index}", a, b)
    elif type(live) is not type(replay) or live != replay:
        yield path, live, replay


def _texts(*values: Any) -> Iterator[str | None]:
    for value in values:
        yield None if value is _MISSING else msgspec.json.encode(value).decode()

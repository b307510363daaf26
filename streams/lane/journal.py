"""The lane's notes in the changelog: who owns the partition, and in which order a stretch was folded.

Written by owners that send their outputs before the state's transaction (docs/decisions/at-least-once.md). Every new owner
looks for them, whatever it does itself: the one before may have been another kind.
"""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from orchestration.canonical import canonical_json
from orchestration.correlation import Context, TimePassed
from orchestration.stretch import Step, Stretch, Taken
from orchestration.workflow import Workflow
from orchestration.workflows import Workflows
from streams.lane.store import NOTE_PREFIX

_JOURNAL = NOTE_PREFIX + b"journal:"
_OWNER = NOTE_PREFIX + b"owner:"
_EPOCH_BYTES = 8
_FORMAT = 1
_TIME = -1


class Journal(NamedTuple):
    """``context``: what the stretch was folded under."""

    epoch: int
    stretch: Stretch
    context: Context


class UnknownNote(ValueError):
    """Written by a newer orchestrator."""


class _OwnerFields(msgspec.Struct, frozen=True):
    format: int
    version: str
    idempotency_ttl_sec: float
    workflows: list[msgspec.Raw]


class _JournalFields(msgspec.Struct, frozen=True, array_like=True):
    """``steps``: pairs, of a topic's place in ``topics`` and a number of records, or of -1 and a time in ms."""

    format: int
    topics: list[str]
    begin: list[int]
    steps: list[int]


_decode_owner = msgspec.json.Decoder(_OwnerFields).decode
_decode_journal = msgspec.msgpack.Decoder(_JournalFields).decode
_encode = msgspec.msgpack.Encoder().encode


def next_epoch(notes: Mapping[bytes, bytes]) -> int:
    return 1 + max((_epoch(key) for key in notes), default=0)


def owner_note(epoch: int, context: Context) -> tuple[bytes, bytes]:
    """Key and value of the note by which an owner says under what its journals are folded."""
    fields = {
        "format": _FORMAT,
        "version": context.version,
        "idempotency_ttl_sec": context.idempotency_ttl_sec,
        "workflows": [workflow.model_dump(mode="json") for workflow in context.workflows],
    }
    return _OWNER + epoch.to_bytes(_EPOCH_BYTES, "big"), canonical_json(fields)


def journal_note(epoch: int, stretch: Stretch) -> tuple[bytes, bytes]:
    """Key and value of a stretch's journal. An owner has one at a time: the next one takes its place."""
    topics = sorted(stretch.begin)
    place = {topic: index for index, topic in enumerate(topics)}
    steps: list[int] = []
    for step in stretch.steps:
        steps += (_TIME, step.time) if isinstance(step, TimePassed) else (place[step.topic], step.records)
    fields = _JournalFields(_FORMAT, topics, [stretch.begin[topic] for topic in topics], steps)
    return _JOURNAL + epoch.to_bytes(_EPOCH_BYTES, "big"), _encode(fields)


def journaled_topics(notes: Mapping[bytes, bytes]) -> set[str]:
    """The input topics that any journal knows: those of agents that the workflows of today do not name are among them."""
    return {
        topic for key, value in notes.items() if key.startswith(_JOURNAL) for topic in _journal(value).topics
    }


def open_journal(notes: Mapping[bytes, bytes], committed: Mapping[str, int]) -> Journal | None:
    """The journal of a stretch whose outputs may have been sent, but whose state was not written; None if there is none.

    ``committed``: per input topic the offset that the group has committed. Raises UnknownNote.
    """
    owners = {_epoch(key): value for key, value in notes.items() if key.startswith(_OWNER)}
    journals = {_epoch(key): _journal(value) for key, value in notes.items() if key.startswith(_JOURNAL)}
    # An owner's note goes when the next one owns: who writes a journal after that is refused before he sends anything.
    # So is the smaller epoch of two with the same beginning.
    found = [epoch for epoch, fields in journals.items() if epoch in owners and _begins_at(fields, committed)]
    if not found:
        return None
    epoch = max(found)
    return Journal(epoch, _stretch(journals[epoch]), _context(owners[epoch]))


def notes_before(notes: Mapping[bytes, bytes], epoch: int) -> list[bytes]:
    """Keys of what earlier owners noted."""
    return [key for key in notes if _epoch(key) < epoch]


def _epoch(key: bytes) -> int:
    return int.from_bytes(key[-_EPOCH_BYTES:], "big")


def _begins_at(fields: _JournalFields, committed: Mapping[str, int]) -> bool:
    return all(
        committed.get(topic) == offset for topic, offset in zip(fields.topics, fields.begin, strict=True)
    )


def _journal(value: bytes) -> _JournalFields:
    try:
        fields = _decode_journal(value)
    except msgspec.MsgspecError as error:
        raise UnknownNote(f"a journal that cannot be read: {error}") from error
    if fields.format != _FORMAT:
        raise UnknownNote(f"a journal of format {fields.format}, this orchestrator reads format {_FORMAT}")
    return fields


def _stretch(fields: _JournalFields) -> Stretch:
    pairs = zip(fields.steps[::2], fields.steps[1::2], strict=True)
    steps: list[Step] = [
        TimePassed(number) if place == _TIME else Taken(fields.topics[place], number)
        for place, number in pairs
    ]
    return Stretch(dict(zip(fields.topics, fields.begin, strict=True)), tuple(steps))


def _context(value: bytes) -> Context:
    try:
        fields = _decode_owner(value)
        workflows = Workflows([Workflow.model_validate_json(bytes(raw)) for raw in fields.workflows])
    except ValueError as error:
        raise UnknownNote(f"workflows of an earlier owner that cannot be read: {error}") from error
    if fields.format != _FORMAT:
        raise UnknownNote(f"an owner of format {fields.format}, this orchestrator reads format {_FORMAT}")
    return Context(workflows, fields.idempotency_ttl_sec, fields.version)

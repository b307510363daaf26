"""YAML as plain data with the place of every field: a small part of YAML, bounded, with nothing that surprises."""

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    DocumentStartEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceStartEvent,
)

# The parser takes some 0.1 ms a field: these keep the worst file at seconds, a hundred workflows fit well.
MAXIMUM_BYTES = 128 * 1024
MAXIMUM_FIELDS = 10_000
MAXIMUM_DEPTH = 32

Location = tuple[str | int, ...]
Place = tuple[int, int]

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUTH = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_WHOLE = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})?(\.[0-9]{0,30})?([eE][-+]?[0-9]{1,3})?")
_NUMBER_ELSEWHERE = re.compile(
    r"[-+]?(\.inf|\.nan|0x[0-9a-f]+|0o[0-7]+|[0-9]+(\.[0-9]*)?(e[-+]?[0-9]+)?)", re.IGNORECASE
)


class DocumentError(Exception):
    """Not the YAML that is read here. ``expected`` says what is, ``place`` is (line, column) from 1."""

    def __init__(
        self, expected: str, place: Place | None, location: Location = (), given: str | None = None
    ) -> None:
        super().__init__(expected)
        self.expected = expected
        self.place = place
        self.location = location
        self.given = given


@dataclass(slots=True)
class Document:
    """``places`` has every field: of a mapping's entry the place of its key, of a list's item its own."""

    data: Any = None
    places: dict[Location, Place] = field(default_factory=dict)
    errors: list[DocumentError] = field(default_factory=list)

    def place(self, location: Location) -> Place | None:
        """Of the field itself, or, where it is missing, of the nearest thing around it."""
        while location and location not in self.places:
            location = location[:-1]
        return self.places.get(location)


@dataclass(slots=True)
class _Open:
    """A mapping or list that has not ended."""

    data: dict[str, Any] | list[Any]
    location: Location
    key: str | None = None


def parse_document(text: str) -> Document:
    """One YAML document as dict, list, str, int, float, bool and None.

    Left out on purpose: anchors and aliases (a few lines of them unfold to gigabytes), tags, merge keys, several documents,
    keys that are not text. Duplicate keys and odd scalars are gathered in ``errors``; the rest raises DocumentError.
    """
    document = Document()
    stack: list[_Open] = []
    for event in _events(text):
        place = (event.start_mark.line + 1, event.start_mark.column + 1)
        if isinstance(event, CollectionEndEvent):
            stack.pop()
        elif isinstance(event, DocumentStartEvent):
            if () in document.places:
                raise DocumentError("one document in a file", place)
        elif isinstance(event, NodeEvent):
            _refuse_references(event, place)
            top = stack[-1] if stack else None
            if top is not None and isinstance(top.data, dict) and top.key is None:
                _take_key(top, event, place, document)
                continue
            _take_value(top, event, place, document, stack)
    return document


def _events(text: str) -> Iterator[Any]:
    parser = YAML(typ="safe", pure=True)
    try:
        yield from parser.parse(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = None if mark is None else (mark.line + 1, mark.column + 1)
        raise DocumentError(f"YAML ({error.problem or error.context})", place) from None
    except YAMLError:
        raise DocumentError("YAML in printable characters", None) from None


def _refuse_references(event: Any, place: Place) -> None:
    if isinstance(event, AliasEvent) or event.anchor is not None:
        raise DocumentError("no anchors and aliases (& and *): write it out", place)
    if event.tag is not None:
        raise DocumentError("no tags (!)", place)


def _take_key(top: _Open, event: Any, place: Place, document: Document) -> None:
    if not isinstance(event, ScalarEvent):
        raise DocumentError("a key that is text", place, top.location)
    top.key = str(event.value)
    location = (*top.location, top.key)
    if top.key in top.data:
        line = document.places[location][0]
        document.errors.append(DocumentError(f"each key once; it stands in line {line} too", place, location))
        return
    document.places[location] = place


def _take_value(top: _Open | None, event: Any, place: Place, document: Document, stack: list[_Open]) -> None:
    location: Location = ()
    if top is not None:
        location = (*top.location, top.key if top.key is not None else len(top.data))
    if len(document.places) >= MAXIMUM_FIELDS:
        raise DocumentError(f"at most {MAXIMUM_FIELDS} fields", place)
    document.places.setdefault(location, place)
    value: Any
    if isinstance(event, ScalarEvent):
        value = _scalar(
            event,
            lambda expected: document.errors.append(DocumentError(expected, place, location, event.value)),
        )
    else:
        value = {} if isinstance(event, MappingStartEvent) else []
        assert isinstance(event, MappingStartEvent | SequenceStartEvent)
        if len(stack) >= MAXIMUM_DEPTH:
            raise DocumentError(f"at most {MAXIMUM_DEPTH} levels", place)
        stack.append(_Open(value, location))
    if top is None:
        document.data = value
    elif isinstance(top.data, list):
        top.data.append(value)
    else:
        assert top.key is not None
        top.data[top.key] = value
        top.key = None


def _scalar(event: Any, refuse: Callable[[str], None]) -> Any:
    text = str(event.value)
    if not event.implicit[0]:  # quoted, or a block of text
        return text
    if text in _NULL:
        return None
    if text in _TRUTH:
        return _TRUTH[text]
    if _WHOLE.fullmatch(text):
        return int(text)
    if any(character.isdigit() for character in text) and _DECIMAL.fullmatch(text):
        number = float(text)
        if math.isfinite(number):
            return number
    if _NUMBER_ELSEWHERE.fullmatch(text):
        # Other readers take 007, 0x10 and .inf for numbers: which one was meant cannot be guessed.
        refuse("a finite decimal number without leading zeros, or text in quotes")
    return text

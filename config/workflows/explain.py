"""A model's complaints about a workflows file, as problems with file, line and field."""

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from config.errors import FileProblem
from config.workflows.document import Document, Location
from orchestration.condition import AllOf, AnyOf, Clause
from orchestration.workflow import Otherwise, Route, Stages, Weight, Workflow

_SHOWN = 80
_FIELD_FIRST = re.compile(r"(\w[\w-]*(?:\.[\w-]+)*)(?:, [a-z_][\w.-]*)*: (.+)", re.DOTALL)
_KNOWN = sorted(
    {
        name
        for model in (Workflow, Route, Otherwise, Weight, Stages, Clause, AnyOf, AllOf)
        for name in model.model_fields
    }
    | {
        name
        for stage in ("Validation", "RiskCheck", "ExecutionTiming")
        for name in getattr(Stages, stage).model_fields
    }
)


def explain(
    error: ValidationError, document: Document, path: str, names: Mapping[str, str] | None = None
) -> tuple[FileProblem, ...]:
    """Every complaint as a problem, in the order of the file. ``names`` says by what name to call a workflow's field
    where its value did not come from the file but from a variable."""
    details = error.errors(include_url=False, include_context=False)
    found = {problem: None for entry in details for problem in _problems(entry, document, path, names or {})}
    return in_order(found)


def explain_text(text: str, document: Document, path: str) -> tuple[FileProblem, ...]:
    """The same for a complaint about the whole list: `workflows.<position>.<field>: <expected>`, one a line."""
    return in_order(_stated((), re.sub(r"^workflows\.", "", text, flags=re.MULTILINE), document, path, {}))


def in_order(problems: Iterable[FileProblem]) -> tuple[FileProblem, ...]:
    return tuple(sorted(problems, key=lambda problem: (problem.line or 0, problem.column or 0)))


def _problems(
    entry: ErrorDetails, document: Document, path: str, names: Mapping[str, str]
) -> Iterator[FileProblem]:
    location = _in_data(entry, document.data)
    if entry["type"] != "value_error":
        yield _problem(location, _expected(entry), entry["type"] != "missing", document, path, names)
        return
    yield from _stated(location, entry["msg"].removeprefix("Value error, "), document, path, names)


def _stated(
    location: Location, text: str, document: Document, path: str, names: Mapping[str, str]
) -> Iterator[FileProblem]:
    """The models' own messages: `<field>: <expected>`, one a line."""
    for line in text.splitlines():
        match = _FIELD_FIRST.fullmatch(line)
        where, expected = (match[1], match[2]) if match else ("", line)
        inside = location + tuple(int(part) if part.isdigit() else part for part in where.split(".") if part)
        yield _problem(inside, expected.removeprefix("expected "), True, document, path, names)


def _problem(
    location: Location, expected: str, show: bool, document: Document, path: str, names: Mapping[str, str]
) -> FileProblem:
    place = document.place(location)
    line, column = place if place is not None else (None, None)
    name = ".".join(str(part) for part in location)
    if len(location) == 2 and str(location[1]) in names:
        name = f"{names[str(location[1])]} (for {name})"
    return FileProblem(name, expected, shown(document.data, location) if show else None, path, line, column)


def _in_data(entry: ErrorDetails, data: Any) -> Location:
    """pydantic's location without the parts that name a kind of union or a key and are no field of the file."""
    location: Location = ()
    parts = entry["loc"]
    for index, part in enumerate(parts):
        in_list = isinstance(data, list) and isinstance(part, int) and part < len(data)
        if in_list or (isinstance(data, dict) and part in data):
            data = data[part]
        elif not (entry["type"] == "missing" and index == len(parts) - 1):
            continue
        location = (*location, part)
    return location


def shown(data: Any, location: Location) -> str | None:
    """The value at that place as one short line; None where it is missing."""
    for part in location:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return None
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def _expected(entry: ErrorDetails) -> str:
    kind, message = entry["type"], entry["msg"]
    if kind == "missing":
        return "a value: the field is missing"
    if kind == "extra_forbidden":
        meant = difflib.get_close_matches(str(entry["loc"][-1]), _KNOWN, n=1)
        return "no such field" + (f" (is {meant[0]!r} meant?)" if meant else "")
    for start in ("Input should be ", "String should be ", "Value should be "):
        message = message.removeprefix(start)
    message = re.sub(r"^String should match pattern ", "text that matches ", message)
    message = re.sub(r"^\w+ should have ", "", message)
    return message.replace("valid tuple", "list").replace("valid dictionary", "mapping")

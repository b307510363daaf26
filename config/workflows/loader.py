"""Reads a workflows file whole and refuses it whole: nothing is decided by half a file (contracts §6)."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from config.errors import FileProblem, WorkflowFileError
from config.workflows.document import MAXIMUM_BYTES, Document, DocumentError, parse_document
from config.workflows.explain import explain, explain_text, in_order
from orchestration.workflow import Workflow
from orchestration.workflows import Workflows, warnings

_LIST: TypeAdapter[list[Workflow]] = TypeAdapter(list[Workflow])
_MOST_PROBLEMS = 100
_OVERRIDES = {"timeout_sec": "DECISION_TIMEOUT_SEC", "min_agents": "MIN_AGENTS_REQUIRED"}


@dataclass(frozen=True, slots=True)
class LoadedWorkflows:
    """``workflows`` after the overrides; ``warnings`` are sentences for the log, in the order of the file."""

    workflows: Workflows
    warnings: tuple[str, ...]
    path: Path


def load_workflows(
    path: Path, *, timeout_override: float | None = None, min_agents_override: int | None = None
) -> LoadedWorkflows:
    """The workflows of the YAML file ``path``, with ``timeout_sec`` and ``min_agents`` of each replaced where given.

    Raises WorkflowFileError with every problem that could be found, with its line and field.
    """
    document = read_document(path, "workflows")
    workflows = _validated(document.data, document, path, {})
    overrides: dict[str, Any] = {"timeout_sec": timeout_override, "min_agents": min_agents_override}
    given = {name: value for name, value in overrides.items() if value is not None}
    if given:
        # The file is checked without them first: what is wrong now is wrong with the variable, not with the file.
        overridden = [{**entry, **given} for entry in document.data]
        document.data = overridden
        workflows = _validated(overridden, document, path, {name: _OVERRIDES[name] for name in given})
    return LoadedWorkflows(workflows, tuple(warnings(workflows)), path)


def read_document(path: Path, what: str) -> Document:
    """A file that holds a list of ``what``. Raises WorkflowFileError."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAXIMUM_BYTES + 1)
    except OSError as error:
        raise _refused(path, [DocumentError(f"a readable file ({error.strerror})", None)]) from None
    if len(raw) > MAXIMUM_BYTES:
        raise _refused(path, [DocumentError(f"at most {MAXIMUM_BYTES // 1024} KiB", None)])
    try:
        document = parse_document(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        place = (raw.count(b"\n", 0, error.start) + 1, error.start - raw.rfind(b"\n", 0, error.start))
        raise _refused(path, [DocumentError("UTF-8", place)]) from None
    except DocumentError as error:
        raise _refused(path, [error]) from None
    if document.errors:
        raise _refused(path, document.errors)
    if not isinstance(document.data, list) or not document.data:
        raise _refused(path, [DocumentError(f"a list of {what}", document.place(()) or (1, 1))])
    return document


def _validated(data: Any, document: Document, path: Path, names: Mapping[str, str]) -> Workflows:
    try:
        return Workflows(_LIST.validate_python(data))
    except ValidationError as error:
        problems = explain(error, document, str(path), names)
    except ValueError as error:
        problems = explain_text(str(error), document, str(path))
    raise WorkflowFileError(problems[:_MOST_PROBLEMS])


def _refused(path: Path, errors: list[DocumentError]) -> WorkflowFileError:
    problems = []
    for error in errors[:_MOST_PROBLEMS]:
        line, column = error.place or (None, None)
        name = ".".join(str(part) for part in error.location)
        problems.append(FileProblem(name, error.expected, error.given, str(path), line, column))
    return WorkflowFileError(in_order(problems))

"""Reads the mirror's rules file whole and refuses it whole."""

from pathlib import Path

from pydantic import ValidationError

from config.errors import ConfigurationError, FileProblem
from config.mirror.rules import MirrorRules
from config.workflows.document import MAXIMUM_BYTES, DocumentError, parse_document
from config.workflows.explain import explain, in_order


class MirrorFileError(ConfigurationError):
    """The rules file is refused; each problem is a ``FileProblem``."""


def load_mirror_rules(path: Path) -> MirrorRules:
    """Raises MirrorFileError with every problem that could be found, with its line and field."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAXIMUM_BYTES + 1)
        document = parse_document(raw.decode("utf-8-sig"))
    except OSError as error:
        raise _refused(path, [DocumentError(f"a readable file ({error.strerror})", None)]) from None
    except UnicodeDecodeError:
        raise _refused(path, [DocumentError("UTF-8", None)]) from None
    except DocumentError as error:
        raise _refused(path, [error]) from None
    if len(raw) > MAXIMUM_BYTES:
        raise _refused(path, [DocumentError(f"at most {MAXIMUM_BYTES // 1024} KiB", None)])
    if document.errors:
        raise _refused(path, document.errors)
    try:
        return MirrorRules.model_validate(document.data)
    except ValidationError as error:
        raise MirrorFileError(explain(error, document, str(path))) from None


def _refused(path: Path, errors: list[DocumentError]) -> MirrorFileError:
    return MirrorFileError(
        in_order(
            FileProblem(
                ".".join(str(part) for part in error.location),
                error.expected,
                error.given,
                str(path),
                *(error.place or (None, None)),
            )
            for error in errors
        )
    )

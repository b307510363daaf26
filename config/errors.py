"""What is wrong with the configuration, all of it at once, so that one restart is enough to mend it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from typing_extensions import override

_USERINFO = re.compile(r"//.*@")
_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Problem:
    """One bad value. ``name`` is the variable or the field; ``given`` is None for what must not be shown (secrets)
    and for what was not given."""

    name: str
    expected: str
    given: str | None = None

    @override
    def __str__(self) -> str:
        if self.given is None:
            return f"{self.name}: expected {self.expected}"
        # A server's address may carry its password, and this text ends in logs and tickets.
        shown = _USERINFO.sub("//***@", self.given)
        if len(shown) > _SHOWN:
            shown = shown[:_SHOWN] + "…"
        return f"{self.name}: got {shown!r}, expected {self.expected}"


@dataclass(frozen=True, slots=True)
class FileProblem(Problem):
    """One bad place of a file. Line and column count from 1; None where the file as a whole is meant.

    ``name`` is the field's path with list positions from 0, e.g. ``0.routes.1.when``.
    """

    path: str = ""
    line: int | None = None
    column: int | None = None

    @override
    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.path, self.line, self.column) if part is not None)
        return f"{place}: {Problem.__str__(self)}" if self.name else f"{place}: expected {self.expected}"


class ConfigurationError(ValueError):
    """The start is refused. ``problems`` holds each bad value; the text lists them one a line."""

    problems: tuple[Problem, ...]

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class WorkflowFileError(ConfigurationError):
    """A workflows file is refused; each problem is a ``FileProblem``."""

    problems: tuple[FileProblem, ...]

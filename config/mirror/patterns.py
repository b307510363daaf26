"""Names of subjects and topics as patterns: tokens between dots, `*` for one of them, a last `>` for one or more."""

import re
from functools import cached_property

_TOKEN = re.compile(r"[A-Za-z0-9_-]+")
_PLACE = re.compile(r"\{([1-9][0-9]?)\}")
PATTERN_EXPECTED = "tokens of A-Z a-z 0-9 _ - between dots, `*` for any one, a last `>` for any one or more"


class Pattern:
    """Raises ValueError for what is no pattern."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tuple(text.split("."))
        for index, token in enumerate(self.tokens):
            last = index == len(self.tokens) - 1
            if not (token == "*" or (token == ">" and last) or _TOKEN.fullmatch(token)):
                raise ValueError(PATTERN_EXPECTED)

    @property
    def wildcards(self) -> tuple[str, ...]:
        """`*` or `>`, in their order."""
        return tuple(token for token in self.tokens if token in {"*", ">"})

    def match(self, name: str) -> tuple[str, ...] | None:
        """What each wildcard stands for in ``name``; None where it does not match."""
        found = self._expression.fullmatch(name)
        return None if found is None else found.groups()

    def covers(self, other: "Pattern") -> bool:
        """Whether each name that ``other`` matches is matched by this one."""
        for index, token in enumerate(self.tokens):
            if token == ">":
                return len(other.tokens) > index
            if index >= len(other.tokens) or other.tokens[index] == ">":
                return False
            if token not in {"*", other.tokens[index]}:
                return False
        return len(self.tokens) == len(other.tokens)

    def overlaps(self, other: "Pattern") -> bool:
        """Whether some name is matched by both."""
        for mine, theirs in zip(self.tokens, other.tokens, strict=False):
            if ">" in {mine, theirs}:
                return True
            if "*" not in {mine, theirs} and mine != theirs:
                return False
        return len(self.tokens) == len(other.tokens)

    @cached_property
    def _expression(self) -> re.Pattern[str]:
        kinds = {"*": r"([^.]+)", ">": r"(.+)"}
        return re.compile(r"\.".join(kinds.get(token, re.escape(token)) for token in self.tokens))


class Rule:
    """One to one: names that match ``source`` become names of the form ``target``, and back.

    ``target`` says `{1}` for what the first wildcard stands for, and uses each exactly once. Raises ValueError, with a
    text that begins with `source` or `target`.
    """

    def __init__(self, source: str, target: str) -> None:
        try:
            self.source = Pattern(source)
        except ValueError as error:
            raise ValueError(f"source: {error}") from None
        wildcards = self.source.wildcards
        self._tokens = tuple(target.split("."))
        # Of each wildcard of the target, in their order, which of the source it is.
        self._order = [int(found[1]) - 1 for token in self._tokens if (found := _PLACE.fullmatch(token))]
        if sorted(self._order) != list(range(len(wildcards))):
            wanted = ", ".join(f"{{{number + 1}}}" for number in range(len(wildcards)))
            raise ValueError(f"target: each wildcard of the other side once ({wanted or 'here none'})")
        inverse = [
            wildcards[int(found[1]) - 1] if (found := _PLACE.fullmatch(token)) else token
            for token in self._tokens
        ]
        try:
            self.target = Pattern(".".join(inverse))
        except ValueError:
            raise ValueError("target: tokens of A-Z a-z 0-9 _ - and {1}, {2}, … between dots") from None
        if len(self.target.wildcards) != len(wildcards):
            raise ValueError("target: {1}, {2}, … in place of `*` and `>`")

    def translate(self, name: str) -> str | None:
        """The target's name; None where the rule does not speak of it."""
        found = self.source.match(name)
        if found is None:
            return None
        return _filled(self.target, [found[number] for number in self._order])

    def invert(self, name: str) -> str | None:
        """The source's name for a name of the target."""
        found = self.target.match(name)
        if found is None:
            return None
        values = dict(zip(self._order, found, strict=True))
        return _filled(self.source, [values[number] for number in range(len(values))])


def _filled(pattern: Pattern, values: list[str]) -> str:
    following = iter(values)
    return ".".join(next(following) if token in {"*", ">"} else token for token in pattern.tokens)

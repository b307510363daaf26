"""What the mirror carries, in which direction, under which names: the rules file, checked as a whole."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from config.mirror.patterns import Pattern, Rule

_HEADER = re.compile(r"[!-)+-9;-~]{1,100}\*?|\*")
_MOST_RULES = 100


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class MirrorRule(_Model):
    """``subject`` and ``topic``: in the direction's source a pattern, in its target `{1}` for what a wildcard stood for."""

    subject: str = Field(max_length=249)
    topic: str = Field(max_length=249)


class HeaderLists(_Model):
    """Names of headers; a last `*` stands for any ending."""

    into_kafka: Annotated[tuple[str, ...], Field(alias="in", max_length=_MOST_RULES)] = ()
    out_to_nats: Annotated[tuple[str, ...], Field(alias="out", max_length=_MOST_RULES)] = ()

    @field_validator("into_kafka", "out_to_nats")
    @classmethod
    def _names(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for index, name in enumerate(names):
            if not _HEADER.fullmatch(name):
                raise ValueError(
                    f"{index}: a header's name in printable ASCII without colons, `*` at its end alone"
                )
            if name.lower().startswith("nats-"):
                raise ValueError(f"{index}: no `Nats-…`: these are the server's own and are never carried")
        return names


class MirrorRules(_Model):
    """Raises ValueError where two rules claim one subject or one topic, or where what goes out would come back."""

    into_kafka: Annotated[tuple[MirrorRule, ...], Field(alias="in", max_length=_MOST_RULES)]
    out_to_nats: Annotated[tuple[MirrorRule, ...], Field(alias="out", max_length=_MOST_RULES)]
    headers: HeaderLists = HeaderLists()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        inward = [_rule("in", index, "subject", "topic", rule) for index, rule in enumerate(self.into_kafka)]
        outward = [
            _rule("out", index, "topic", "subject", rule) for index, rule in enumerate(self.out_to_nats)
        ]
        problems = [
            *_collisions("in", "subject", "topic", inward),
            *_collisions("out", "topic", "subject", outward),
        ]
        problems += _loops(inward, outward)
        if problems:
            raise ValueError("\n".join(problems))
        return self

    def subject_of_input(self, topic: str) -> str | None:
        """The NATS subject that feeds an input topic; None where no rule names it."""
        rules = (Rule(rule.subject, rule.topic) for rule in self.into_kafka)
        return next((subject for rule in rules if (subject := rule.invert(topic)) is not None), None)

    def subject_of_output(self, topic: str) -> str | None:
        """The NATS subject that an output topic goes to; None where no rule names it."""
        rules = (Rule(rule.topic, rule.subject) for rule in self.out_to_nats)
        return next((subject for rule in rules if (subject := rule.translate(topic)) is not None), None)


@lru_cache(maxsize=4096)
def allowed(name: str, names: tuple[str, ...]) -> bool:
    """Whether a header's name is on the list. `Nats-…` never is, however it is written."""
    if name.lower().startswith("nats-"):
        return False
    return any(name == listed or (listed.endswith("*") and name.startswith(listed[:-1])) for listed in names)


def _rule(direction: str, index: int, source: str, target: str, rule: MirrorRule) -> Rule:
    try:
        return Rule(getattr(rule, source), getattr(rule, target))
    except ValueError as error:
        side, expected = str(error).split(": ", 1)
        field = source if side == "source" else target
        raise ValueError(f"{direction}.{index}.{field}: {expected}") from None


def _collisions(direction: str, source: str, target: str, rules: list[Rule]) -> Iterable[str]:
    for index, rule in enumerate(rules):
        for earlier in range(index):
            other = rules[earlier]
            for field, mine, theirs in (
                (source, rule.source, other.source),
                (target, rule.target, other.target),
            ):
                if mine.overlaps(theirs):
                    yield (
                        f"{direction}.{index}.{field}: what no other rule claims; {direction}.{earlier} has "
                        f"{theirs.text}"
                    )


def _loops(inward: list[Rule], outward: list[Rule]) -> Iterable[str]:
    """A name both ways is no loop: what came from one side is known by its headers. Under another name it would be lost."""
    for index, out in enumerate(outward):
        for number, into in enumerate(inward):
            if out.target.overlaps(into.source) and not _same(out, into):
                yield (
                    f"out.{index}.subject: a subject that is not read again into another topic; in.{number} reads "
                    f"{into.source.text} into {into.target.text}: a loop"
                )


def _same(out: Rule, into: Rule) -> bool:
    """Whether what goes out comes back to where it was."""
    if out.source.wildcards:
        return (out.source.tokens, out.target.tokens) == (into.target.tokens, into.source.tokens)
    return into.translate(out.target.text) == out.source.text


def uncovered(subjects: Iterable[str], filters: Iterable[str]) -> list[str]:
    """Those subjects that none of a stream's ``filters`` captures."""
    patterns = [Pattern(text) for text in filters]
    return [
        subject for subject in subjects if not any(pattern.covers(Pattern(subject)) for pattern in patterns)
    ]

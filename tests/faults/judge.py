"""Judging a ledger's file: every invariant is asked, each answers with its violations."""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from tests.faults.ledger import Ledger
from tests.faults.reference_judge import Differences, differences
from tests.faults.run_facts import RunFacts

EXAMPLES = 5


class Verdict(NamedTuple):
    """``examples``: of the violations the first few, in words."""

    name: str
    sentence: str
    violations: int
    examples: Sequence[str]


class Judged:
    """What a check may ask: the file, the facts of the run, and the reference model's opinion, which is had once."""

    def __init__(self, ledger: Ledger, facts: RunFacts) -> None:
        self._ledger = ledger
        self.connection: sqlite3.Connection = ledger.connection
        self.facts = facts

    def texts(self, query: str) -> list[str]:
        """The first column of what a query finds; it may name the facts as ``:guarantee`` and so on."""
        facts = {
            name: str(value) if isinstance(value, Path) else value
            for name, value in self.facts._asdict().items()
        }
        facts["exactly_once"] = self.facts.guarantee == "exactly_once"
        return [str(text) for (text, *_) in self.connection.execute(query, facts)]

    @cached_property
    def differences(self) -> Differences:
        return differences(self._ledger, self.facts)


class Invariant(NamedTuple):
    """``check`` is a query whose rows are the violations in words, or a function that gives them."""

    name: str
    sentence: str
    check: str | Callable[[Judged], Iterable[str]]

    def ask(self, judged: Judged) -> Verdict:
        found = judged.texts(self.check) if isinstance(self.check, str) else list(self.check(judged))
        return Verdict(self.name, self.sentence, len(found), found[:EXAMPLES])


def judge(ledger: Ledger, facts: RunFacts, invariants: Iterable[Invariant]) -> list[Verdict]:
    """To be called after ``observe``."""
    judged = Judged(ledger, facts)
    return [invariant.ask(judged) for invariant in invariants]


def red(verdicts: Iterable[Verdict]) -> dict[str, Verdict]:
    """Those with violations, by name."""
    return {verdict.name: verdict for verdict in verdicts if verdict.violations}

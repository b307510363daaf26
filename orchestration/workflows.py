"""All workflows of an orchestrator, in the order in which they are asked (contracts §6)."""

from collections.abc import Iterator, Sequence
from hashlib import sha256

from orchestration.canonical import canonical_json
from orchestration.plan import Plan, plan_of
from orchestration.rules import View, first_failed
from orchestration.workflow import Workflow
from orchestration.workflow_warnings import warnings

__all__ = ["Workflows", "warnings"]

_INSTRUMENTS_REMEMBERED = 4096


class Workflows:
    """An ordered list, of which the last matches everything. Never changed after it was made."""

    def __init__(self, workflows: Sequence[Workflow]) -> None:
        """ValueError, as ``<field>: <expected>``: no workflow, no catch-all at the end, a name used twice."""
        self._workflows = tuple(workflows)
        if not self._workflows:
            raise ValueError("workflows: at least one")
        if self._workflows[-1].match:
            raise ValueError(
                f"workflows.{len(self) - 1}.match: empty, since the last workflow must match everything"
            )
        plans = [plan_of(workflow) for workflow in self._workflows]
        self.only: Plan | None = plans[0] if len(plans) == 1 else None
        """That of the one workflow that takes everything, where there is only one."""
        self._last = plans[-1]
        self._by_name: dict[str, Plan] = {}
        for index, workflow in enumerate(self._workflows):
            if workflow.name in self._by_name:
                raise ValueError(f"workflows.{index}.name: used once, {workflow.name!r} is taken")
            self._by_name[workflow.name] = plans[index]
        self._chosen: dict[str, Plan] = {}
        self.agents: tuple[str, ...] = tuple(sorted({agent for w in self._workflows for agent in w.agents}))
        """Every agent that any workflow names, sorted: each has an input topic."""
        self.topics: tuple[str, ...] = tuple(sorted(set(_topics(self._workflows))))
        """Every output topic that a route names, for orders or to notify, sorted."""
        self.digest_of_all: str = sha256(canonical_json([plan.digest for plan in plans])).hexdigest()
        """Changes when any workflow does, or their order."""

    def __iter__(self) -> Iterator[Workflow]:
        return iter(self._workflows)

    def __len__(self) -> int:
        return len(self._workflows)

    def choose(self, instrument: str | None) -> Workflow:
        """The first workflow that matches; the last where no instrument is known."""
        return self.plan_for(instrument).workflow

    def plan_for(self, instrument: str | None) -> Plan:
        """The plan of the workflow that `choose` gives."""
        if instrument is None:
            return self._last
        chosen = self._chosen.get(instrument)
        if chosen is None:
            view = View(instrument, {})
            chosen = next(plan_of(w) for w in self._workflows if first_failed(w.match, view) is None)
            if len(self._chosen) >= _INSTRUMENTS_REMEMBERED:
                # Instruments come from outside: whoever makes them up must not fill the memory.
                self._chosen.clear()
            self._chosen[instrument] = chosen
        return chosen

    def named(self, name: str) -> Workflow:
        """KeyError where there is none of that name."""
        return self.plan_named(name).workflow

    def plan_named(self, name: str) -> Plan:
        """KeyError where there is none of that name."""
        return self._by_name[name]

    def digest(self, workflow: Workflow) -> str:
        """SHA-256 (64 hex digits) of the workflow's canonical JSON, defaults filled in."""
        return plan_of(workflow).digest


def _topics(workflows: Sequence[Workflow]) -> Iterator[str]:
    for workflow in workflows:
        for route in workflow.routes:
            yield from route.notify
            if route.execution_topic is not None:
                yield route.execution_topic

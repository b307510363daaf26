"""What a workflow asks for, laid out once so that it can be read quickly: a model's fields cost as much as a call."""

import msgspec

from orchestration.per_object import PerObject
from orchestration.workflow import Stages, Workflow


class Plan(msgspec.Struct, frozen=True):
    """Fields of a workflow under their own names. ``named``: the required and the optional agents; ``timeout`` in ms."""

    name: str
    required: frozenset[str]
    named: frozenset[str]
    min_agents: int
    timeout: int
    stages: Stages


def milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def _make(workflow: Workflow) -> Plan:
    return Plan(
        workflow.name,
        frozenset(workflow.required_agents),
        frozenset(workflow.agents),
        workflow.min_agents,
        milliseconds(workflow.timeout_sec),
        workflow.stages,
    )


plan_of: PerObject[Workflow, Plan] = PerObject(_make)

"""What a workflow asks for, laid out once so that it can be read quickly: a model's fields cost as much as a call."""

from hashlib import sha256

import msgspec

from orchestration.aggregation import Term, weighted_terms
from orchestration.canonical import canonical_json, number
from orchestration.per_object import PerObject
from orchestration.routes import Way, ways
from orchestration.stages import PlannedStage, planned_stages
from orchestration.timestamps import milliseconds
from orchestration.workflow import Workflow


class Plan(msgspec.Struct, frozen=True):
    """A workflow, prepared. ``named``: the required and the optional agents; ``timeout`` in ms.

    ``digest``: SHA-256 (64 hex digits) of the workflow's canonical JSON, defaults filled in.
    """

    workflow: Workflow
    name: str
    digest: str
    required: frozenset[str]
    named: frozenset[str]
    min_agents: int
    timeout: int
    terms: tuple[Term, ...]
    stages: tuple[PlannedStage, ...]
    ways: tuple[Way, ...]


def _make(workflow: Workflow) -> Plan:
    return Plan(
        workflow=workflow,
        name=workflow.name,
        digest=sha256(canonical_json(_canonical(workflow.model_dump(mode="json")))).hexdigest(),
        required=frozenset(workflow.required_agents),
        named=frozenset(workflow.agents),
        min_agents=workflow.min_agents,
        timeout=milliseconds(workflow.timeout_sec),
        terms=weighted_terms(workflow.weights),
        stages=planned_stages(workflow.stages),
        ways=ways(workflow.routes),
    )


plan_of: PerObject[Workflow, Plan] = PerObject(_make)


def _canonical(value: object) -> object:
    match value:
        case float():
            return number(value)
        case dict():
            return {key: _canonical(inside) for key, inside in value.items()}
        case list():
            return [_canonical(inside) for inside in value]
        case _:
            return value

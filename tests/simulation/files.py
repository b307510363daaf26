"""The two workflow files of the simulator: the second one changes what is required, the limits, and adds an agent."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from orchestration.correlation import Context
from orchestration.dead_letter import DeadLetter
from orchestration.intake import Intake
from orchestration.record import Record
from orchestration.signal import Signal
from orchestration.workflow import Workflow
from orchestration.workflows import Workflows
from tests.faults.reference_model import ReferenceModel

Json = dict[str, Any]

TTL_SEC = 5.0
VERSION = "simulated"

_ROUTES: list[Json] = [
    {
        "name": "strong",
        "when": [{"field": "momentum.momentum_strength", "op": "gt", "value": 0.7}],
        "action": "trade",
        "execution_topic": "execution.order",
        "notify": ["desk.news"],
    },
    {"name": "default", "action": "monitor"},
]
_HALVES: Json = {
    "momentum": {"weight": 0.5, "value": "confidence"},
    "risk": {"weight": 0.5, "value": "1 - overall_score"},
}
_FX: Json = {"match": [{"field": "instrument", "op": "eq", "value": "EURUSD"}]}

FILES: tuple[list[Json], ...] = (
    [
        {
            **_FX,
            "name": "fx",
            "required_agents": ["momentum", "risk"],
            "optional_agents": ["sentiment"],
            "timeout_sec": 1.5,
            "min_agents": 1,
            "weights": _HALVES,
            "routes": _ROUTES,
        },
        {
            "name": "rest",
            "required_agents": ["momentum", "risk", "correlation"],
            "optional_agents": ["sentiment"],
            "timeout_sec": 2.5,
            "min_agents": 2,
            "weights": _HALVES,
            "routes": _ROUTES,
        },
    ],
    [
        {
            **_FX,
            "name": "fx",
            "required_agents": ["risk", "correlation"],
            "optional_agents": ["momentum", "macro"],
            "timeout_sec": 1.0,
            "min_agents": 1,
            "weights": _HALVES,
            "routes": _ROUTES,
        },
        {
            "name": "rest",
            "required_agents": ["momentum", "risk"],
            "optional_agents": ["correlation", "sentiment", "macro"],
            "timeout_sec": 3.5,
            "min_agents": 2,
            "weights": _HALVES,
            "routes": _ROUTES[1:],
        },
    ],
)


class RememberingIntake(Intake):
    """The real one, which reads each payload once for all seeds: they differ in offsets and times only."""

    def __init__(self, agents: Iterable[str], partition_count: int) -> None:
        super().__init__(agents, partition_count)
        self._signals: dict[tuple[str, int, bytes | None, bytes | None], Signal] = {}

    def read(self, record: Record) -> Signal | DeadLetter:
        place = record.topic, record.partition, record.key, record.value
        known = self._signals.get(place)
        if known is None:
            read = super().read(record)
            if isinstance(read, Signal):
                self._signals[place] = read
            return read
        return Signal(
            known.corr_id,
            known.agent,
            known.topic,
            known.partition,
            record.offset,
            record.timestamp,
            known.value,
            known.sha256,
            known.body,
            known.error,
        )


@dataclass(frozen=True)
class WorkflowFile:
    """One file, as the core and as the reference model read it. ``topics``: the inputs of a worker that has it."""

    index: int
    context: Context
    intake: Intake
    topics: tuple[str, ...]
    model: ReferenceModel
    digests: frozenset[str]


@cache
def workflow_file(index: int, partition_count: int) -> WorkflowFile:
    plain = FILES[index]
    workflows = Workflows([Workflow.model_validate(entry) for entry in plain])
    intake = RememberingIntake(workflows.agents, partition_count)
    digests = {workflow.name: workflows.digest(workflow) for workflow in workflows}
    return WorkflowFile(
        index,
        Context(workflows, TTL_SEC, VERSION),
        intake,
        tuple(sorted(intake.topics)),
        ReferenceModel(plain, partition_count, TTL_SEC, version=VERSION, digests=digests),
        frozenset(digests.values()),
    )


def file_of(digest_of_all: str, partition_count: int) -> WorkflowFile:
    """The file whose workflows these are."""
    (found,) = (
        file
        for index in range(len(FILES))
        if (file := workflow_file(index, partition_count)).context.workflows.digest_of_all == digest_of_all
    )
    return found

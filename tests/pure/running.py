"""Ways to run a scenario: through one partition's processor, and side by side with the reference model."""

import json
from collections.abc import Iterable
from functools import cache
from typing import Any

from orchestration.correlation import Context
from orchestration.driver import OrchestratorTestDriver
from orchestration.intake import Intake
from orchestration.outcome import Outcome
from orchestration.processor import Effects, PartitionProcessor
from orchestration.record import LogRecord
from orchestration.signal import Signal
from orchestration.table import CorrelationTable, MemoryTable
from tests.faults.reference_model import Event, ReferenceModel
from tests.pure.correlation_strategies import (
    PARTITION,
    PARTITIONS,
    START,
    TTL_SEC,
    Scenario,
    Step,
    TimePassed,
)
from tests.pure.workflow_sets import Json, WorkflowSet, workflow_set

VERSION = "1.2.3"
THE_END = TimePassed(START + 10**10)


@cache
def intake(name: str) -> Intake:
    return Intake(workflow_set(name).workflows.agents, PARTITIONS)


def context(chosen: WorkflowSet) -> Context:
    return Context(chosen.workflows, TTL_SEC, VERSION)


def processor(chosen: WorkflowSet, table: CorrelationTable | None = None) -> PartitionProcessor:
    return PartitionProcessor(intake(chosen.name), context(chosen), table or MemoryTable())


def run(chosen: WorkflowSet, steps: list[Step], table: CorrelationTable | None = None) -> Effects:
    """What comes of the steps, taken one by one."""
    effects = Effects()
    one = processor(chosen, table)
    for step in steps:
        if isinstance(step, TimePassed):
            one.time_passed(step.time, effects)
        else:
            one.take((step,), effects)
    return effects


def finished(scenario: Scenario) -> list[Step]:
    """The scenario's steps, and time enough for everything that waits."""
    return [*scenario.steps, THE_END]


def audits(effects: Effects) -> list[Json]:
    topic = "audit.orchestration.decision"
    return [json.loads(message.value or b"") for message in effects.messages if message.topic == topic]


def in_partition(scenario: Scenario) -> list[LogRecord]:
    return [record for record in scenario.records if record.partition == PARTITION]


def signals_of(scenario: Scenario, taken: Iterable[LogRecord], corr_id: str) -> list[Signal]:
    read = [intake(scenario.workflow_set.name).read(record) for record in taken]
    return [one for one in read if isinstance(one, Signal) and one.corr_id == corr_id]


def digests(chosen: WorkflowSet) -> dict[str, str]:
    return {workflow.name: chosen.workflows.digest(workflow) for workflow in chosen.workflows}


def reference(chosen: WorkflowSet) -> ReferenceModel:
    return ReferenceModel(chosen.plain, PARTITIONS, TTL_SEC, version=VERSION, digests=digests(chosen))


class SideBySide:
    """The test driver and the reference model, given the same: after each step both must have said the same."""

    def __init__(self, chosen: WorkflowSet, start: int) -> None:
        self.driver = OrchestratorTestDriver(
            chosen.workflows,
            partition_count=PARTITIONS,
            idempotency_ttl_sec=TTL_SEC,
            version=VERSION,
            start=start,
        )
        self._reference = reference(chosen)
        self._seen = (0, 0, 0, 0)
        self.agree = True

    def step(self, step: Step) -> None:
        if isinstance(step, TimePassed):
            self.advance_to(step.time)
        else:
            self.take(step)

    def take(self, record: LogRecord) -> None:
        self.driver.take(record)
        self._compare(self._reference.feed(record))

    def advance_to(self, time: int) -> None:
        self.driver.advance_to(time)
        now = self.driver.now
        self._compare([e for p in range(PARTITIONS) for e in self._reference.time_passed(p, now)])

    def _compare(self, events: list[Event]) -> None:
        # Where they disagree once, nothing behind it can tell more.
        self.agree = False
        effects = self.driver.effects
        outcomes, late, dead, messages = self._seen
        sent = effects.messages[messages:]
        assert [
            (
                "late" if one.written else "late_only_counted",
                one.signal.corr_id,
                one.reason,
                *place(one.signal),
            )
            for one in effects.late[late:]
        ] == [event for event in events if event[0].startswith("late")]
        assert [("dead_letter", one.reason, *place(one)) for one in effects.dead_letters[dead:]] == [
            event for event in events if event[0] == "dead_letter"
        ]
        expected = [event for event in events if event[0] == "outcome"]
        assert [one.value for one in effects.outcomes[outcomes:]] == [event[2] for event in expected]
        told = [message for message in sent if not message.topic.startswith(("signals.", "dlq."))]
        for outcome, event in zip(effects.outcomes[outcomes:], expected, strict=True):
            own = told[: len(event[5]) + 2 + (event[3] is not None)]
            del told[: len(own)]
            compare_outcome(outcome, own, event)
        assert told == []
        self._seen = (
            len(effects.outcomes),
            len(effects.late),
            len(effects.dead_letters),
            len(effects.messages),
        )
        self.agree = True


def compare_outcome(outcome: Outcome, messages: list[Any], event: Event) -> None:
    """``messages``: everything that the outcome sent; ``event``: what the reference model says of it."""
    _, corr_id, decision, order, audit, fan_out, headers = event
    values = {message.topic: message.value for message in messages}
    assert len(values) == len(messages)
    assert json.loads(values.pop("audit.orchestration.decision")) == audit
    expected = {"orchestrated.decision": decision, **fan_out}
    if order is not None:
        expected[json.loads(decision)["execution_topic"]] = order
    assert values == expected
    assert all(dict(message.headers) == headers for message in messages)
    assert all(message.key == corr_id.encode() for message in messages)
    assert outcome.decision_id == audit["decision_id"]


def place(one: Any) -> tuple[str, int, int]:
    return (one.topic, one.partition, one.offset)

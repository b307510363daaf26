"""The core beside the reference model, which another hand wrote from the contracts."""

from typing import Any

from hypothesis import given

from orchestration.body import body_of
from orchestration.dead_letter import DeadLetter
from orchestration.record import LogRecord
from tests.faults.reference_validation import DeadLetterError, Signal, read_signal
from tests.pure.correlation_strategies import AGENTS, PARTITIONS, START, Scenario, records, scenarios
from tests.pure.running import SideBySide, finished, intake


@given(scenarios())
def test_core_and_reference_model_say_the_same_byte_for_byte(scenario: Scenario) -> None:
    both = SideBySide(scenario.workflow_set, START)
    for step in finished(scenario):
        both.step(step)


@given(records(START))
def test_intake_and_reference_model_read_a_record_alike(record: LogRecord) -> None:
    ours, theirs = intake("all").read(record), read_by_reference(record)
    if isinstance(theirs, str):
        assert isinstance(ours, DeadLetter)
        assert ours.reason == theirs
        return
    if isinstance(ours, DeadLetter):
        assert theirs.normalized
        error: Any = {"type": ours.reason, "message": ours.message}
    else:
        error = ours.error and {"type": ours.error.type, "message": ours.error.message}
        assert (ours.sha256.hex(), body_of(ours) if ours.valid else None) == (theirs.sha256, theirs.body)
        assert (ours.traceparent or "").encode() == (theirs.traceparent or b"")
    assert error == theirs.error


def read_by_reference(record: LogRecord) -> Signal | str:
    """The signal, or the reason of the dead letter."""
    try:
        return read_signal(record, set(AGENTS), PARTITIONS)
    except DeadLetterError as reason:
        return str(reason)

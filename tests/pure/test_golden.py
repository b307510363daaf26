"""Bytes that must never change by accident. tests/pure/golden_cases.py says how and when to write them anew."""

import json

import pytest

from orchestration.correlation import fold
from orchestration.intake import Intake
from orchestration.messages.audit import AuditRecord
from orchestration.messages.decision import Decision
from orchestration.messages.order import Order
from orchestration.outcome import Outcome
from orchestration.rows import Collecting, Orchestrated
from orchestration.signal import NORMALIZED, Signal
from tables.codec import UnknownRowVersion, decode_row, encode_row
from tests.pure import golden_cases
from tests.pure.golden_cases import CORR_ID, FOLDER, PARTITION, RECORDS, START, context


def golden(name: str) -> bytes:
    return (FOLDER / name).read_bytes()


@pytest.mark.parametrize("name", ["decision.json", "order.json", "audit.json", "recording.jsonl"])
def test_the_same_records_give_the_same_bytes_for_ever(name: str) -> None:
    assert golden_cases.files()[name] == golden(name)


def test_the_golden_messages_are_what_the_contracts_say() -> None:
    decision = Decision.model_validate_json(golden("decision.json"))
    order = Order.model_validate_json(golden("order.json"))
    audit = AuditRecord.model_validate_json(golden("audit.json"))
    assert audit.decision == decision
    assert (order.decision_id, order.quantity, order.action) == (
        decision.decision_id,
        4100.0,
        "trade_with_caution",
    )
    assert json.loads(golden("audit.json"))["superseded"]["momentum"]["conflict"]["count"] == 1


def test_a_collecting_row_of_version_1_loads_and_goes_on_to_its_decision() -> None:
    row = decode_row(golden("row-v1-collecting.bin"), PARTITION)
    assert isinstance(row, Collecting)
    assert (row.corr_id, row.first_seen, row.deadline) == (CORR_ID, START, START + 300_000)
    assert [(s.agent, s.offset, s.timestamp - START, s.valid) for s in row.signals] == [
        (NORMALIZED, 41, 0, True),
        ("momentum", 7, 2_000, True),
        ("momentum", 8, 2_100, True),
        ("sentiment", 3, 2_200, False),
        ("correlation", 12, 2_300, True),
    ]
    assert row.previous is not None
    assert row.previous.late == 1
    last = Intake(context().workflows.agents, golden_cases.PARTITION_COUNT).read(RECORDS[-1])
    assert isinstance(last, Signal)
    _, happenings = fold(row, last, context())
    assert [one.value for one in happenings if isinstance(one, Outcome)] == [golden("decision.json")]


def test_an_orchestrated_row_of_version_1_loads() -> None:
    row = decode_row(golden("row-v1-orchestrated.bin"), PARTITION)
    assert isinstance(row, Orchestrated)
    decision = json.loads(golden("decision.json"))
    assert (row.decision_id, row.action, row.completed_by) == (
        decision["decision_id"],
        "trade_with_caution",
        "all_required",
    )
    assert (row.orchestrated_at, row.expires) == (START + 4_120, START + 64_120)
    assert (row.first_seen, row.last_update, row.agent_count, row.late) == (START, START + 5_000, 4, 1)
    assert {agent: (known.offset, known.used) for agent, known in row.reported.items()} == {
        NORMALIZED: (41, True),
        "momentum": (8, True),
        "risk": (5, True),
        "correlation": (12, True),
        "sentiment": (3, True),
        "macro": (1, False),
    }


@pytest.mark.parametrize("name", ["row-v1-collecting.bin", "row-v1-orchestrated.bin"])
def test_rows_are_still_written_as_version_1_has_them(name: str) -> None:
    """Where this fails, the row has another form: it needs another version number, and golden files of its own."""
    assert golden_cases.files()[name] == golden(name)
    assert encode_row(decode_row(golden(name), PARTITION)) == golden(name)


@pytest.mark.parametrize("data", [b"", b"\x02\x90", b"{}"])
def test_a_row_of_an_unknown_version_is_refused(data: bytes) -> None:
    with pytest.raises(UnknownRowVersion):
        decode_row(data, PARTITION)

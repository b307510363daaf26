"""The correlations' table of one partition, on a real RocksDB in a temporary folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestration.rows import Collecting, Orchestrated, Row
from streams.lane.store import NOTE_PREFIX, StoreDamaged
from tables.correlations import PartitionTable

RULES = "digest-of-the-workflows"


def collecting(corr_id: str, due: int, rules: str = RULES) -> Collecting:
    return Collecting(corr_id, (), due - 300_000, due - 300_000, due, "default", rules, 256)


def orchestrated(corr_id: str, expires: int) -> Orchestrated:
    return Orchestrated(
        corr_id, "decision", "trade", "all_required", 0, 0, 0, expires - 3_600_000, expires, "default", 3
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "partition-0"


@pytest.fixture
def table(folder: Path) -> Iterator[PartitionTable]:
    table = PartitionTable(folder, 0)
    table.restored(RULES)
    yield table
    table.close()


def commit(table: PartitionTable, offset: int | None = 1) -> None:
    changes = table.take_changes()
    table.write(changes, offset)
    table.written(changes)


def reopened(table: PartitionTable, folder: Path, rules: str = RULES) -> PartitionTable:
    table.close()
    again = PartitionTable(folder, 0)
    again.restored(rules)
    return again


def test_a_row_is_found_before_during_and_after_its_commit(table: PartitionTable) -> None:
    row = collecting("a", 1000)
    table.put("a", row)
    assert table.get("a") == row
    changes = table.take_changes()
    assert table.get("a") == row
    table.write(changes, 1)
    assert table.get("a") == row
    table.written(changes)
    assert table.get("a") == row


def test_a_row_whose_deletion_is_being_committed_does_not_come_back_from_the_disk(
    table: PartitionTable,
) -> None:
    table.put("a", orchestrated("a", 1000))
    commit(table)
    table.put("a", None)
    changes = table.take_changes()
    assert table.get("a") is None
    table.write(changes, 2)
    table.written(changes)
    assert table.get("a") is None


def test_a_commit_holds_each_changed_row_once_and_deletions_as_tombstones(table: PartitionTable) -> None:
    table.put("a", collecting("a", 1000))
    table.put("a", orchestrated("a", 2000))
    table.put("b", collecting("b", 1000))
    table.put("b", None)
    records = dict(table.take_changes().records)
    assert set(records) == {b"a", b"b"}
    assert records[b"b"] is None
    assert records[b"a"] is not None


def test_rows_and_the_changelog_offset_outlive_the_process(table: PartitionTable, folder: Path) -> None:
    table.put("open", collecting("open", 5000))
    table.put("done", orchestrated("done", 9000))
    commit(table, 42)
    again = reopened(table, folder)
    try:
        assert again.restored_to == 42
        assert again.get("open") == collecting("open", 5000)
        assert again.get("done") == orchestrated("done", 9000)
        assert again.open_count() == 1
    finally:
        again.close()


def test_an_uncommitted_row_does_not_outlive_the_process(table: PartitionTable, folder: Path) -> None:
    table.put("a", collecting("a", 5000))
    again = reopened(table, folder)
    try:
        assert again.get("a") is None
        assert again.restored_to is None
    finally:
        again.close()


def test_due_names_what_time_has_passed_in_the_order_of_due_and_nothing_else(table: PartitionTable) -> None:
    for corr_id, due in (("late", 3000), ("b", 1500), ("a", 1500), ("early", 700)):
        table.put(corr_id, collecting(corr_id, due))
    assert list(table.due(1500)) == ["early"]
    assert list(table.due(1501)) == ["early", "a", "b"]
    assert list(table.due(99_000)) == ["early", "a", "b", "late"]


def test_what_is_due_is_known_again_after_a_restart(table: PartitionTable, folder: Path) -> None:
    table.put("open", collecting("open", 1500))
    table.put("marker", orchestrated("marker", 2500))
    commit(table)
    again = reopened(table, folder)
    try:
        assert not again.has_due(900)
        assert again.has_due(5000)
        assert list(again.due(5000)) == ["open", "marker"]
    finally:
        again.close()


def test_a_decided_correlation_is_not_due_at_its_old_deadline(table: PartitionTable) -> None:
    table.put("a", collecting("a", 1500))
    commit(table)
    table.put("a", orchestrated("a", 9500))
    commit(table, 2)
    assert list(table.due(5000)) == []
    assert list(table.due(11_000)) == ["a"]


def test_a_marker_window_is_opened_once_and_is_gone_after_the_commit(
    table: PartitionTable, folder: Path
) -> None:
    table.put("a", orchestrated("a", 1500))
    commit(table)
    assert list(table.due(9000)) == ["a"]
    table.put("a", None)
    commit(table, 2)
    again = reopened(table, folder)
    try:
        assert not again.has_due(10**12)
    finally:
        again.close()


def test_a_window_opened_before_a_crash_is_opened_again(table: PartitionTable, folder: Path) -> None:
    table.put("a", orchestrated("a", 1500))
    commit(table)
    assert list(table.due(9000)) == ["a"]
    again = reopened(table, folder)
    try:
        assert list(again.due(9000)) == ["a"]
    finally:
        again.close()


def test_under_other_workflows_every_open_correlation_is_looked_at_at_once(
    table: PartitionTable, folder: Path
) -> None:
    table.put("a", collecting("a", 1_000_000))
    commit(table)
    again = reopened(table, folder, rules="another digest")
    try:
        assert again.has_due(2000)
        assert list(again.due(2000)) == ["a"]
    finally:
        again.close()


def test_restoring_takes_the_last_word_of_the_changelog(table: PartitionTable, folder: Path) -> None:
    source = PartitionTable(folder.with_name("source"), 0)
    rows: list[tuple[str, Row | None]] = [
        ("a", collecting("a", 5000)),
        ("b", collecting("b", 5000)),
        ("a", orchestrated("a", 8000)),
        ("b", None),
        ("c", collecting("c", 2000)),
    ]
    records = []
    for corr_id, row in rows:
        source.put(corr_id, row)
        records.extend(source.take_changes().records)
    source.close()
    table.restore(records[:3], 3)
    table.restore(records[3:], 5)
    table.restored(RULES)
    assert table.restored_to == 5
    assert table.get("a") == orchestrated("a", 8000)
    assert table.get("b") is None
    assert table.open_count() == 1
    assert list(table.due(10_000)) == ["c", "a"]


def test_the_table_knows_since_when_its_oldest_open_correlation_waits(table: PartitionTable) -> None:
    assert table.open_since() is None
    table.put("a", collecting("a", 900_000))
    table.put("b", collecting("b", 700_000))
    table.put("c", orchestrated("c", 500_000))
    commit(table)
    assert table.open_since() == 400_000


def test_notes_go_into_the_changelog_and_come_back_from_it_and_from_the_disk(
    table: PartitionTable, folder: Path
) -> None:
    kept, gone = NOTE_PREFIX + b"kept", NOTE_PREFIX + b"gone"
    table.note(kept, b"1")
    table.note(gone, b"2")
    changes = table.take_changes()
    assert dict(changes.records) == {kept: b"1", gone: b"2"}
    table.write(changes, 1)
    table.written(changes)
    table.note(gone, None)
    commit(table, 2)
    other = PartitionTable(folder.with_name("other"), 0)
    other.restore([*changes.records, (gone, None)], 3)
    again = reopened(table, folder)
    try:
        assert table.notes == again.notes == other.notes == {kept: b"1"}
        assert again.get("kept") is None
    finally:
        again.close()
        other.close()


def test_a_wiped_store_holds_nothing(table: PartitionTable) -> None:
    table.put("a", collecting("a", 1500))
    commit(table, 7)
    table.wipe()
    table.restored(RULES)
    assert table.restored_to is None
    assert table.get("a") is None


def test_a_damaged_store_is_rebuilt_and_not_read(table: PartitionTable, folder: Path) -> None:
    table.put("a", collecting("a", 1500))
    commit(table, 7)
    table.close()
    for file in folder.glob("MANIFEST*"):
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2] + b"\xff" * 16)
    for file in folder.glob("CURRENT"):
        file.write_bytes(b"MANIFEST-999999\n")
    again = PartitionTable(folder, 0)
    try:
        assert again.restored_to is None
        assert again.get("a") is None
    finally:
        again.close()


def test_rows_that_left_the_memory_are_read_from_the_disk(
    table: PartitionTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tables.correlations.RECENT_ROWS", 2)
    for number in range(5):
        table.put(f"c{number}", collecting(f"c{number}", 5000))
    commit(table)
    assert len(table._recent) == 2
    assert [table.get(f"c{number}") for number in range(5)] == [collecting(f"c{n}", 5000) for n in range(5)]


def test_a_flipped_byte_is_noticed_and_the_next_opening_starts_empty(
    table: PartitionTable, folder: Path
) -> None:
    for number in range(5000):
        table.put(f"c{number}", collecting(f"c{number}", 5000))
    commit(table, 7)
    table._disk.flush()
    table.close()
    for file in folder.glob("*.sst"):
        data = bytearray(file.read_bytes())
        data[len(data) // 2] ^= 0xFF
        file.write_bytes(data)
    damaged = PartitionTable(folder, 0)
    with pytest.raises(StoreDamaged):
        [damaged.get(f"c{number}") for number in range(5000)]
    damaged.close()
    again = PartitionTable(folder, 0)
    try:
        assert again.restored_to is None
        assert again.get("c1") is None
    finally:
        again.close()


def test_a_store_whose_first_block_is_damaged_starts_empty(table: PartitionTable, folder: Path) -> None:
    table.put("a", collecting("a", 5000))
    commit(table, 7)
    table._disk.flush()
    table.close()
    for file in folder.glob("*.sst"):
        data = bytearray(file.read_bytes())
        data[10] ^= 0xFF
        file.write_bytes(data)
    again = PartitionTable(folder, 0)
    try:
        assert again.restored_to is None
        assert again.get("a") is None
    finally:
        again.close()

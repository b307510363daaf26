"""The ledger: what is written down of messages and faults, and when it is in the file."""

from pathlib import Path

from tests.faults.ledger import Ledger, LedgerRow, connect
from tests.faults.observed import find_unknown
from tests.faults.run_facts import RunFacts
from tests.faults.virtual_run import FACTS, VirtualRun

ROW = LedgerRow(1, "c-1", "risk", "signal", "signals.enriched.risk", "aa", "ok", 2, 30, 4000)


def test_messages_are_in_the_file_after_a_flush(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        ledger.messages([ROW])
        ledger.flush()
        other = connect(tmp_path / "ledger.sqlite")
        assert other.execute("SELECT * FROM message").fetchall() == [tuple(ROW)]
        other.close()


def test_a_fault_counts_as_missed_until_somebody_says_that_it_landed(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        fault = ledger.fault_began("kill -9")
        ask = "SELECT landed, ended IS NULL, recovered IS NULL FROM fault"
        assert ledger.connection.execute(ask).fetchall() == [(0, 1, 1)]
        ledger.fault_ended(fault, landed=True)
        assert ledger.connection.execute(ask).fetchall() == [(1, 0, 1)]
        ledger.recovered(fault)
        assert ledger.connection.execute(ask).fetchall() == [(1, 0, 0)]


def test_the_facts_of_a_run_can_be_had_again_from_the_file(tmp_path: Path) -> None:
    facts = FACTS._replace(guarantee="at_least_once", deadline_slack_ms=4321, timeout_seconds=2.5)
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        facts.note_in(ledger)
        assert RunFacts.of(ledger) == facts


def test_what_nobody_acknowledged_is_found_in_the_log_by_its_id(tmp_path: Path) -> None:
    with VirtualRun(10, hot_messages=0).write(tmp_path / "ledger.sqlite") as ledger:
        ask = 'SELECT partition, "offset", timestamp FROM message WHERE id = 7'
        (place,) = ledger.connection.execute(ask).fetchall()
        ledger.connection.execute(
            "UPDATE message SET result = 'unknown', partition = NULL, \"offset\" = NULL, timestamp = NULL WHERE id = 7"
        )
        ledger.connection.commit()
        find_unknown(ledger.connection)
        assert ledger.connection.execute(ask).fetchall() == [place]

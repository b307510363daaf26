"""The judge alone, without a broker: a run in which all is right leaves every invariant green, each break one red."""

from collections.abc import Iterator
from pathlib import Path
from shutil import copy

import pytest

from tests.faults.invariants import INVARIANTS
from tests.faults.judge import judge, red
from tests.faults.ledger import Ledger
from tests.faults.plants import PLANTS
from tests.faults.run_facts import RunFacts
from tests.faults.virtual_run import FACTS, VirtualRun


@pytest.fixture(scope="module")
def right(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("right") / "ledger.sqlite"
    ledger = VirtualRun().write(path)
    ledger.connection.execute("PRAGMA journal_mode = DELETE")
    ledger.close()
    return path


@pytest.fixture
def ledger(right: Path, tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(Path(copy(right, tmp_path))) as copied:
        yield copied


def names_of_red(ledger: Ledger, facts: RunFacts = FACTS) -> list[str]:
    return list(red(judge(ledger, facts, INVARIANTS)))


def test_a_run_in_which_all_is_right_is_green(ledger: Ledger) -> None:
    assert red(judge(ledger, FACTS, INVARIANTS)) == {}


def test_the_run_has_something_of_every_sort(ledger: Ledger) -> None:
    ask = ledger.connection.execute
    assert {kind for (kind,) in ask("SELECT DISTINCT kind FROM disposition")} == {
        "contributed",
        "superseded",
        "late",
        "dead_letter",
    }
    assert {by for (by,) in ask("SELECT DISTINCT completed_by FROM outcome")} == {"all_required", "deadline"}
    assert ask("SELECT count(*) FROM outcome WHERE execution_topic IS NOT NULL").fetchone()[0] > 5
    # One correlation goes past what an audit record lists and past what is written of late signals.
    assert ask("SELECT max(unlisted) FROM audit").fetchone()[0] > 0
    late = "SELECT max(signals) FROM (SELECT count(*) AS signals FROM disposition WHERE kind = 'late' GROUP BY corr_id)"
    assert ask(late).fetchone()[0] == 100


A_DEADLINE = "SELECT corr_id FROM outcome WHERE completed_by = 'deadline' AND corr_id NOT LIKE 'hot%' LIMIT 1"
ONE_RECORD = 'topic, partition, "offset"'

BREAKS = [
    ("one outcome", "an outcome is missing", "DELETE FROM outcome WHERE rowid = 3"),
    (
        "one outcome",
        "an outcome stands there twice",
        (
            'INSERT INTO outcome SELECT partition, "offset" + 100000, timestamp, corr_id, decision_id, orchestrated_at, '
            "completed_by, execution_topic, sha256, value FROM outcome WHERE rowid = 3"
        ),
    ),
    ("one outcome", "nothing was sent at all", "DELETE FROM input"),
    (
        "from something",
        "a record that is not in the log is used",
        "UPDATE disposition SET \"offset\" = 999999 WHERE rowid = (SELECT min(rowid) FROM disposition WHERE kind = 'contributed')",
    ),
    (
        "from something",
        "an outcome of no signal",
        "UPDATE outcome SET corr_id = 'nobody' WHERE rowid = 5",
    ),
    (
        "accounted for",
        "a record is nowhere",
        "DELETE FROM disposition WHERE rowid = (SELECT min(rowid) FROM disposition WHERE kind = 'contributed')",
    ),
    (
        "accounted for",
        "a record is in two places",
        (
            "INSERT INTO disposition SELECT 'late', topic, partition, \"offset\", corr_id, 'read_late', sha256, decision_id "
            "FROM disposition WHERE kind = 'contributed' LIMIT 1"
        ),
    ),
    (
        "accounted for",
        "more are counted than are missing",
        "UPDATE audit SET unlisted = 1 WHERE corr_id NOT LIKE 'hot%'",
    ),
    (
        "accounted for",
        "more than a hundred late signals are written",
        (
            "UPDATE disposition SET corr_id = (SELECT corr_id FROM disposition WHERE corr_id LIKE 'hot%' LIMIT 1) "
            "WHERE rowid = (SELECT max(rowid) FROM disposition WHERE kind = 'late' AND corr_id NOT LIKE 'hot%')"
        ),
    ),
    (
        "dead letters",
        "another reason than the contracts'",
        "UPDATE disposition SET reason = 'no_corr_id' WHERE reason = 'validation_error'",
    ),
    (
        "dead letters",
        "a good record is refused",
        (
            "UPDATE disposition SET kind = 'dead_letter', reason = 'not_decodable' "
            "WHERE rowid = (SELECT min(rowid) FROM disposition WHERE kind = 'contributed')"
        ),
    ),
    (
        "reference model",
        "a decision has other bytes",
        "UPDATE outcome SET sha256 = 'x'; UPDATE audit SET decision_sha256 = 'x'",
    ),
    (
        "reference model",
        "a sink has other bytes",
        "UPDATE output SET sha256 = 'x' WHERE topic = 'portfolio.decision'",
    ),
    (
        "reference model",
        "an audit record tells another story",
        "UPDATE audit SET value = CAST(replace(CAST(value AS TEXT), '\"error_count\":0', '\"error_count\":7') AS BLOB)",
    ),
    (
        "outcome time",
        "a time that is not the records'",
        "UPDATE outcome SET orchestrated_at = orchestrated_at + 1",
    ),
    ("outcome time", "completed by the wrong thing", "UPDATE outcome SET completed_by = 'deadline'"),
    (
        "sinks agree",
        "a sink was not told",
        "DELETE FROM output WHERE topic = 'risk.monitor.decision' AND rowid % 9 = 0",
    ),
    (
        "sinks agree",
        "a sink was told something else",
        "UPDATE output SET decision_id = 'x', header_decision_id = 'x' WHERE topic = 'audit.decision'",
    ),
    ("sinks agree", "the header names another decision", "UPDATE output SET header_decision_id = 'x'"),
    (
        "sinks agree",
        "an order nobody decided",
        "UPDATE outcome SET execution_topic = NULL WHERE execution_topic = 'execution.order'",
    ),
    ("audit", "an outcome without its record", "DELETE FROM audit WHERE rowid = 4"),
    ("audit", "a record without its outcome", "DELETE FROM outcome WHERE rowid = 4"),
    ("payload hashes", "a payload was changed", "UPDATE disposition SET sha256 = 'x' WHERE kind = 'late'"),
    ("agents once", "an agent counts twice", "INSERT INTO contributing SELECT * FROM contributing LIMIT 1"),
    (
        "agents once",
        "an agent that gave nothing",
        "UPDATE contributing SET agent = 'astrology' WHERE rowid = 1",
    ),
    (
        "not early",
        "written before its time",
        "UPDATE outcome SET timestamp = orchestrated_at - 1 WHERE rowid = 7",
    ),
    (
        "not early",
        "a deadline that fires at its own millisecond",
        "UPDATE outcome SET timestamp = orchestrated_at WHERE completed_by = 'deadline'",
    ),
    ("not late", "a deadline that nobody looked at", "UPDATE outcome SET timestamp = timestamp + 5000"),
    (
        "read before the deadline",
        "what came in time was read late",
        f"UPDATE disposition SET kind = 'late' WHERE kind = 'contributed' AND corr_id = ({A_DEADLINE})",
    ),
    (
        "nothing after",
        "a later record is used",
        f"UPDATE input SET timestamp = timestamp + 10000 WHERE corr_id = ({A_DEADLINE})",
    ),
    (
        "nothing after",
        "a reason of another time",
        "UPDATE disposition SET reason = 'read_late' WHERE kind = 'late'",
    ),
    ("nothing after", "late for no outcome", "UPDATE disposition SET decision_id = 'x' WHERE kind = 'late'"),
    ("no open row", "a correlation is open", "UPDATE state SET status = 'collecting' WHERE rowid = 2"),
    ("markers", "the marker is of another outcome", "UPDATE state SET decision_id = 'x' WHERE rowid = 2"),
    (
        "lag",
        "a record was not committed",
        "UPDATE log_end SET committed = high - 1 WHERE topic = 'signals.normalized'",
    ),
    ("lag", "the backlog took too long", "UPDATE run SET value = '30001' WHERE name = 'lag_zero_ms'"),
    (
        "no hanging transaction",
        "a transaction is open",
        "UPDATE log_end SET stable = high - 1 WHERE rowid = 1",
    ),
    ("memory", "memory does not return", "UPDATE memory SET bytes = 400000000 WHERE phase = 'after'"),
    ("ledger", "an acknowledged message is gone", "DELETE FROM input WHERE rowid = 10"),
    ("ledger", "a message is another one", "UPDATE message SET sha256 = 'x' WHERE id = 4"),
    ("ledger", "an aborted message is in the log", "UPDATE message SET result = 'aborted' WHERE id = 4"),
    ("ledger", "a message is there twice", "UPDATE input SET ledger_id = 4 WHERE rowid = 10"),
    ("faults landed", "a fault hit nothing", "UPDATE fault SET landed = 0"),
]


@pytest.mark.parametrize(
    ("name", "change"),
    [(name, change) for name, _, change in BREAKS],
    ids=[f"{name}: {what}" for name, what, _ in BREAKS],
)
def test_what_is_broken_turns_its_invariant_red(ledger: Ledger, name: str, change: str) -> None:
    ledger.connection.executescript(change)
    (asked,) = [invariant for invariant in INVARIANTS if invariant.name == name]
    (verdict,) = judge(ledger, FACTS, [asked])
    assert verdict.violations > 0
    assert all(verdict.examples)


def test_every_invariant_has_been_red() -> None:
    assert {name for name, _, _ in BREAKS} == {invariant.name for invariant in INVARIANTS}


REPEAT = """
INSERT INTO outcome SELECT partition, "offset" + 100000, timestamp, corr_id, decision_id, orchestrated_at, completed_by,
    execution_topic, sha256, value FROM outcome;
INSERT INTO output SELECT topic, partition, "offset" + 100000, timestamp, corr_id, decision_id, header_decision_id, sha256
    FROM output;
INSERT INTO audit SELECT partition, "offset" + 100000, timestamp, corr_id, decision_id, decision_sha256, sha256, read_to,
    unlisted, value FROM audit;
INSERT INTO contributing SELECT partition, "offset" + 100000, corr_id, agent FROM contributing;
INSERT INTO disposition SELECT * FROM disposition;
"""


def test_without_transactions_all_may_stand_there_twice_byte_for_byte(ledger: Ledger) -> None:
    ledger.connection.executescript(REPEAT)
    assert names_of_red(ledger) == ["one outcome", "accounted for"]
    assert names_of_red(ledger, FACTS._replace(guarantee="at_least_once")) == []


@pytest.mark.parametrize(
    ("table", "chosen", "name"),
    [
        ("outcome", "1", "one outcome"),
        ("output", "(SELECT min(rowid) FROM output WHERE topic = 'audit.decision')", "sinks agree"),
        ("audit", "1", "audit"),
    ],
)
def test_without_transactions_a_repeat_with_other_bytes_is_red(
    ledger: Ledger, table: str, chosen: str, name: str
) -> None:
    ledger.connection.executescript(REPEAT + f"UPDATE {table} SET sha256 = 'x' WHERE rowid = {chosen}")
    assert name in names_of_red(ledger, FACTS._replace(guarantee="at_least_once"))


def test_downtime_is_not_counted_as_lateness(ledger: Ledger) -> None:
    ledger.connection.executescript(
        "UPDATE outcome SET timestamp = timestamp + 5000;"
        "UPDATE fault SET started = (SELECT min(orchestrated_at) FROM outcome), ended = started,"
        "recovered = (SELECT max(timestamp) FROM outcome)"
    )
    assert names_of_red(ledger) == []


def test_the_page_about_the_judge_tells_every_invariant_and_every_planted_bug() -> None:
    page = (Path(__file__).parents[2] / "docs" / "fault-invariants.md").read_text("utf-8").replace("`", "")
    assert [line for each in INVARIANTS if (line := f"| {each.name} | {each.sentence} |") not in page] == []
    assert [
        line for each in PLANTS if (line := f"| {each.module} | {', '.join(each.red)} |") not in page
    ] == []
    modules = {path.stem for path in (Path(__file__).parent / "planted").glob("*.py")}
    assert modules - {"__init__", "launch", "replacing"} == {plant.module for plant in PLANTS}

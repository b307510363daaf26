"""What a run comes to: a table for people and a JSON file for machines."""

import json
import platform
import sqlite3
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import confluent_kafka
from rich.console import Console
from rich.table import Table

from tests.faults.deadlines import lateness
from tests.faults.judge import Verdict
from tests.faults.ledger import Ledger
from tests.faults.run_facts import RunFacts

Json = dict[str, Any]

_FAULTS = """
SELECT name, count(*), sum(landed), group_concat((recovered - ended) / 1000.0) FROM fault
GROUP BY name ORDER BY min(started)
"""


_SUMMARY = (
    "correlations",
    "records_read",
    "messages",
    "completed_by",
    "dispositions",
    "lag_zero_ms",
    "deadlines_late_ms",
)


def report(ledger: Ledger, verdicts: Iterable[Verdict], *, broker: str) -> Json:
    """``broker``: its version, which no client can ask for."""
    facts, connection = RunFacts.of(ledger), ledger.connection
    faults = [
        {"fault": name, "made": made, "landed": landed, "recovery_seconds": _spread(times)}
        for name, made, landed, times in connection.execute(_FAULTS)
    ]
    all_times = ",".join(times for *_, times in connection.execute(_FAULTS) if times)
    return {
        "seed": facts.seed,
        "guarantee": facts.guarantee,
        "versions": versions(facts, broker),
        "correlations": _one(connection, "SELECT count(DISTINCT corr_id) FROM outcome"),
        "records_read": _one(connection, "SELECT count(*) FROM input"),
        "messages": dict(
            connection.execute("SELECT result, count(*) FROM message GROUP BY result ORDER BY result")
        ),
        "unknown_found_in_the_log": _one(
            connection, "SELECT count(\"offset\") FROM message WHERE result = 'unknown'"
        ),
        "completed_by": dict(
            connection.execute("SELECT completed_by, count(*) FROM outcome GROUP BY completed_by")
        ),
        "dispositions": dict(connection.execute("SELECT kind, count(*) FROM disposition GROUP BY kind")),
        "lag_zero_ms": _one(
            connection, "SELECT CAST(max(value) AS INTEGER) FROM run WHERE name = 'lag_zero_ms'"
        ),
        "deadlines_late_ms": _figures(sorted(late for _, late in lateness(connection))),
        "faults": faults,
        "faults_landed": sum(fault["landed"] for fault in faults),
        "recovery_seconds": _spread(all_times),
        "invariants": [verdict._asdict() for verdict in verdicts],
        "violations": sum(verdict.violations for verdict in verdicts),
    }


def versions(facts: RunFacts, broker: str) -> Json:
    return {
        "signal-orchestrator": facts.version,
        "broker": broker,
        "librdkafka": confluent_kafka.libversion()[0],
        "confluent-kafka": confluent_kafka.version(),
        "faust-streaming": version("faust-streaming"),
        "python": platform.python_version(),
    }


def write_report(made: Json, path: Path, console: Console | None = None) -> None:
    """JSON to ``path``, the tables to ``console``."""
    path.write_text(json.dumps(made, indent=1) + "\n")
    console = console or Console()
    for table in tables(made):
        console.print(table)


def tables(made: Json) -> list[Table]:
    summary = Table(title=f"seed {made['seed']}, {made['guarantee']}", show_header=False)
    for name in _SUMMARY:
        summary.add_row(name.replace("_", " "), _text(made[name]))
    summary.add_row("versions", _text(made["versions"]))
    faults = Table("fault", "made", "landed", "recovery p50", "p95", "max, in seconds", title="faults")
    for fault in [*made["faults"], {"fault": "all", "recovery_seconds": made["recovery_seconds"]}]:
        times = fault["recovery_seconds"]
        faults.add_row(
            fault["fault"],
            str(fault.get("made", "")),
            str(fault.get("landed", "")),
            *(("", "", "") if times is None else (f"{times[name]:.2f}" for name in ("p50", "p95", "max"))),
        )
    judged = Table("invariant", "violations", "for example", title="invariants")
    for verdict in made["invariants"]:
        style = "bold red" if verdict["violations"] else "green"
        judged.add_row(
            verdict["sentence"], str(verdict["violations"]), "\n".join(verdict["examples"]), style=style
        )
    return [summary, faults, *([_take_over(made["take_over"])] if made.get("take_over") else []), judged]


def _take_over(found: Json) -> Table:
    """Figures by session and stage."""
    table = Table("", "p50", "p95", "max, in seconds", title="from kill -9 of one of two workers")
    for session, stages in found.items():
        for stage, figures in stages.items():
            table.add_row(f"{session}: {stage}", *(f"{figures[name]:.2f}" for name in ("p50", "p95", "max")))
    return table


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest of ``values``, which stand in order, that at least this share of them does not exceed."""
    return values[max(0, -(-len(values) * round(share * 100) // 100) - 1)]


def _spread(texts: str | None) -> Json | None:
    return _figures(sorted(map(float, texts.split(",")))) if texts else None


def _figures(values: Sequence[float]) -> Json | None:
    """``values`` in order."""
    if not values:
        return None
    return {"p50": percentile(values, 0.5), "p95": percentile(values, 0.95), "max": values[-1]}


def _one(connection: sqlite3.Connection, query: str) -> Any:
    return connection.execute(query).fetchone()[0]


def _text(value: Any) -> str:
    return (
        ", ".join(f"{name} {each}" for name, each in value.items()) if isinstance(value, dict) else str(value)
    )

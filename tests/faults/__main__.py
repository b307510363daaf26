"""`make faults`: campaigns from the command line. Status 1 where an invariant is violated or a fault did not land."""

import logging
import sys
import tempfile
from pathlib import Path
from typing import Any

import click

from tests.faults.campaign import Plan, run_campaign
from tests.faults.report import write_report
from tests.faults.schedule import FULL, NAMES
from tests.faults.take_over import Figures, described, measure

GUARANTEES = ("exactly_once", "at_least_once")


def _counts(_: click.Context, __: click.Parameter, faults: tuple[str, ...]) -> dict[str, int]:
    counts = {}
    for fault in faults:
        name, _equals, count = fault.partition("=")
        if name not in NAMES or not (count or "1").isdigit():
            raise click.BadParameter(
                f"{fault!r}: expected NAME or NAME=COUNT, NAME one of {', '.join(NAMES)}"
            )
        counts[name] = int(count or 1)
    return counts


@click.command()
@click.option("--seed", default=1, show_default=True, help="Decides messages, faults and their order.")
@click.option("--correlations", default=30_000, show_default=True)
@click.option("--per-second", default=100.0, show_default=True, help="Correlations opened in a second.")
@click.option("--guarantee", "guarantees", type=click.Choice(GUARANTEES), multiple=True, default=GUARANTEES)
@click.option(
    "--fault", "faults", multiple=True, callback=_counts, help="NAME or NAME=COUNT; all of them unless given."
)
@click.option(
    "--slack-ms", default=1000, show_default=True, help="How late a deadline may be beside downtime."
)
@click.option("--session", default=3, show_default=True, help="Seconds until a silent worker counts as dead.")
@click.option(
    "--kills", default=10, show_default=True, help="For the take-over time, at a session of 1 s and of 6 s."
)
@click.option(
    "--folder", type=click.Path(path_type=Path), help="For ledgers, logs and reports; a temporary one else."
)
def main(
    seed: int,
    correlations: int,
    per_second: float,
    guarantees: tuple[str, ...],
    faults: dict[str, int],
    slack_ms: int,
    session: int,
    kills: int,
    folder: Path | None,
) -> None:
    """Do to a real cluster what happens to clusters, and judge what came out."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")
    logging.getLogger("tests.faults").setLevel(logging.INFO)
    base = folder or Path(tempfile.mkdtemp(prefix="signal-orchestrator-faults-"))
    violations = 0
    for guarantee in guarantees:
        run = base / guarantee
        run.mkdir(parents=True)
        plan = Plan(
            faults or FULL,
            seed=seed,
            guarantee=guarantee,
            correlations=correlations,
            per_second=per_second,
            session_seconds=session,
            slack_ms=slack_ms,
        )
        made = run_campaign(plan, run)
        violations += made["violations"]
        made["take_over"] = _take_over(kills, guarantee)
        write_report(made, run / "report.json")
    click.echo(f"ledgers, logs and reports: {base}")
    sys.exit(1 if violations else 0)


def _take_over(kills: int, guarantee: str) -> dict[str, Any]:
    """Figures by session, in seconds."""
    found: dict[str, Figures] = {}
    for session in (1, 6) if kills else ():
        found[f"session {session} s"] = figures = described(measure(session, kills, guarantee))
        click.echo(f"take-over, {guarantee}, session {session} s, {kills} kills: {figures}")
    return found


if __name__ == "__main__":
    main()

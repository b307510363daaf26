"""`make faults`: campaigns from the command line. Status 1 where an invariant is violated or a fault did not land."""

import logging
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import click

from tests.faults.campaign import Plan, run_campaign
from tests.faults.report import write_report
from tests.faults.schedule import FULL, NAMES
from tests.faults.take_over import Figures, described, measure

logger = logging.getLogger("tests.faults.command")
GUARANTEES = ("exactly_once", "at_least_once")
TAKE_OVER_SECONDS = 5.0
"""p95 from the kill of one of two workers to the next decision on its partitions, at a session of 1 s."""
_LONG_SECONDS = 120.0
_LATE_MS = 300_000


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
@click.option("--correlations", default=30_000, show_default=True, help="For each guarantee, at least.")
@click.option("--per-second", default=200.0, show_default=True, help="Correlations opened in a second.")
@click.option("--guarantee", "guarantees", type=click.Choice(GUARANTEES), multiple=True, default=GUARANTEES)
@click.option(
    "--fault", "faults", multiple=True, callback=_counts, help="NAME or NAME=COUNT; all of them unless given."
)
@click.option(
    "--slack-ms", default=1000, show_default=True, help="How late a deadline may be beside downtime."
)
@click.option("--lag-limit-ms", default=30_000, show_default=True, help="From the last fault to lag 0.")
@click.option("--session", default=3, show_default=True, help="Seconds until a silent worker counts as dead.")
@click.option(
    "--open", "many", default=200_000, show_default=True, help="Left open at once; 0: no such campaign."
)
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
    lag_limit_ms: int,
    session: int,
    many: int,
    kills: int,
    folder: Path | None,
) -> None:
    """Do to a real cluster what happens to clusters, and judge what came out."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")
    logging.getLogger("tests.faults").setLevel(logging.INFO)
    base = folder or Path(tempfile.mkdtemp(prefix="signal-orchestrator-faults-"))
    first = Plan(
        faults or FULL,
        seed=seed,
        correlations=correlations,
        per_second=per_second,
        session_seconds=session,
        slack_ms=slack_ms,
        lag_limit_ms=lag_limit_ms,
    )
    plans = {guarantee: replace(first, guarantee=guarantee) for guarantee in guarantees}
    if many and not faults:
        # Their deadlines come together, far faster than any market sends: late they are, lost they must not be.
        plans["many-open"] = replace(
            first,
            faults={"open": many},
            correlations=0,
            per_second=50.0,
            timeout_seconds=_LONG_SECONDS,
            slack_ms=_LATE_MS,
        )
    take_over = _take_over(kills) if kills else {}
    violations = 0
    for name, plan in plans.items():
        run = base / name
        run.mkdir(parents=True)
        made = run_campaign(plan, run) | {"take_over": take_over}
        violations += made["violations"]
        write_report(made, run / "report.json")
    click.echo(f"ledgers, logs and reports: {base}")
    late = bool(take_over) and take_over["session 1 s"]["decided"]["p95"] > TAKE_OVER_SECONDS
    if late:
        click.echo(f"take-over at a session of 1 s: p95 above {TAKE_OVER_SECONDS:g} s")
    sys.exit(1 if violations or late else 0)


def _take_over(kills: int) -> dict[str, Figures]:
    """By session."""
    found = {}
    for session in (1, 6):
        found[f"session {session} s"] = figures = described(measure(session, kills))
        logger.info("take-over with a session of %d s, %d kills: %s", session, kills, figures["decided"])
    return found


if __name__ == "__main__":
    main()

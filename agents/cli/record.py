"""`orchestrator record`: a range of topics as a file, and a file back to topics."""

from pathlib import Path
from typing import Any

import click

from agents.cli.common import FILE, OFFSETS, SINCE, UNTIL, WORKFLOWS, Refused, refusals


@click.command()
@click.argument("file", type=FILE)
@WORKFLOWS
@click.option(
    "--topic", "topics", multiple=True, help="Record this topic; otherwise all inputs. May be repeated."
)
@click.option(
    "--with-decisions", is_flag=True, help="The decisions and their audit records too, to verify against."
)
@SINCE
@UNTIL
@OFFSETS
@click.option("--force", is_flag=True, help="Write over a file that is there.")
def record(
    file: Path,
    workflows: Path | None,
    topics: tuple[str, ...],
    with_decisions: bool,
    since: int | None,
    until: int | None,
    offsets: tuple[Any, ...],
    force: bool,
) -> None:
    """Write records of Kafka topics to FILE as lines of JSON, without loss, in the order of replay.

    A name that ends in .zst or .gz is compressed. Nothing is committed; the ends are those that the topics have at the start.
    `orchestrator produce` writes a recording back to topics.
    """
    from agents.cli.common import settings_for
    from agents.replay.progress import progress
    from agents.replay.recorder import record_range
    from agents.replay.stop import INTERRUPTED, listening
    from streams.recordings.ranges import Wanted

    if file.exists() and not force:
        raise Refused(f"{file}: expected a file that does not exist yet, or --force")
    with refusals(), listening() as stop, progress("Record") as show:
        written = record_range(
            settings_for(workflows), file, topics, with_decisions, Wanted(since, until, offsets), stop, show
        )
    for topic, count in sorted(written.items()):
        click.echo(f"{topic}  {count:,}")
    click.echo(f"{sum(written.values()):,} records in {file}")
    if stop.asked:
        click.echo("interrupted: the recording ends early and is whole up to there", err=True)
        raise click.exceptions.Exit(INTERRUPTED)

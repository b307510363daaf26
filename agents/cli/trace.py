"""`orchestrator trace`: one corr_id from the first signal to the fill."""

from pathlib import Path

import click

from agents.cli.common import DIFFERENT, FILE, WORKFLOWS, Refused, a_time, refusals


@click.command()
@click.argument("corr_id")
@WORKFLOWS
@click.option(
    "--since",
    metavar="TIME",
    callback=a_time,
    help="Look from this time on; otherwise from the beginning of the topics.",
)
@click.option(
    "--at", metavar="TIME", callback=a_time, help="What the orchestrator knew of it then, by record times."
)
@click.option(
    "--recording",
    "recordings",
    multiple=True,
    type=FILE,
    help="Look in this file, not in Kafka. May be repeated.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def trace(
    corr_id: str,
    workflows: Path | None,
    since: int | None,
    at: int | None,
    recordings: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Show every message of CORR_ID, with times and the gaps between them; exit status 1 where there is none."""
    import msgspec

    from agents.cli.common import settings_for
    from agents.replay.counted import BadLines
    from agents.replay.progress import progress
    from agents.replay.task import Task
    from agents.replay.trace import of_corr_id, state_at, steps
    from orchestration.ids import CORR_ID_EXPECTED, usable_corr_id
    from streams.recordings.files import Files

    if not usable_corr_id(corr_id):
        raise Refused(f"CORR_ID: got {corr_id!r}, expected {CORR_ID_EXPECTED}")
    bad = BadLines(lambda text: click.echo(text, err=True))
    with refusals():
        settings = settings_for(workflows)
        partitions = settings.partitions
        if recordings:
            files = Files(recordings, bad)
            files.close()
            partitions = files.partitions or partitions
        task = Task(settings, settings.workflows, partitions, recordings)
        if recordings:
            source = task.open(bad)
        else:
            from agents.replay.trace_source import open_trace

            source = open_trace(task, corr_id, since)
        try:
            with progress("Trace") as show:
                records = []
                for record in of_corr_id(source.records(), corr_id):
                    records.append(record)
                    show(source.done(), len(records))
        finally:
            source.close()
        records = [record for record in records if since is None or record.timestamp >= since]
        state = None if at is None else state_at(records, task.rules(), corr_id, at)
    for step in steps(records):
        click.echo(msgspec.json.encode(step.as_json()) if as_json else str(step))
    if at is not None:
        if as_json:
            click.echo(msgspec.json.encode({"state": state}))
        else:
            click.echo("")
            told = {"state": "nothing is known of it"} if state is None else state
            for name, value in told.items():
                click.echo(f"{name:<18} {', '.join(value) if isinstance(value, list) else value}")
    if not records:
        click.echo(f"no message of {corr_id}", err=True)
        raise click.exceptions.Exit(DIFFERENT)

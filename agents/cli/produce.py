"""`orchestrator produce`: a recording back to topics."""

from pathlib import Path

import click

from agents.cli.common import FILE, refusals


@click.command()
@click.argument("recordings", nargs=-1, required=True, type=FILE)
@click.option(
    "--prefix",
    default="",
    help="Put before each topic's name, to produce to topics beside the recorded ones.",
)
def produce(recordings: tuple[Path, ...], prefix: str) -> None:
    """Produce RECORDINGS to Kafka topics of the recorded names, onto the recorded partitions.

    Timestamps come back where the topic has CreateTime; under LogAppendTime the broker gives new ones. Offsets are new.
    The topics have to exist.
    """
    from agents.cli.common import settings_for
    from agents.replay.counted import BadLines
    from agents.replay.progress import progress
    from agents.replay.recorder import Back
    from agents.replay.stop import INTERRUPTED, listening

    bad = BadLines(lambda text: click.echo(text, err=True))
    with refusals(), listening() as stop, progress("Produce") as show:
        back = Back(settings_for(None), prefix)
        back.produce(recordings, bad, stop, show)
    for topic, count in sorted(back.produced.items()):
        click.echo(f"{topic}  {count:,}")
    if bad.count:
        click.echo(f"bad lines  {bad.count:,}")
    if stop.asked:
        click.echo("interrupted: the records up to there were produced", err=True)
        raise click.exceptions.Exit(INTERRUPTED)

"""`orchestrator replay`: what would have been decided, from a recording or from the topics themselves."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agents.cli.common import DIFFERENT, FILE, OFFSETS, SINCE, UNTIL, WORKFLOWS, Refused, refusals

if TYPE_CHECKING:
    from agents.replay.runner import Sink
    from agents.replay.task import Task
    from config.settings import Settings

_MIB = 1024 * 1024


@click.command()
@click.argument("recordings", nargs=-1, type=FILE)
@WORKFLOWS
@SINCE
@UNTIL
@OFFSETS
@click.option(
    "--output", type=FILE, help="Write each decision as a line of this file (.zst, .gz: compressed)."
)
@click.option(
    "--output-topics",
    metavar="PREFIX",
    help="Write all messages to topics of this prefix, such as `replay.`; never to live ones.",
)
@click.option("--processes", type=click.IntRange(1, 64), default=1, show_default=True, help="Share the work.")
@click.option(
    "--partitions",
    type=click.IntRange(1, 1024),
    help="Partition count of the inputs, where a recording does not say.",
)
@click.option(
    "--sort", is_flag=True, help="The recordings are not in the order of replay: sort them first, on disk."
)
@click.option("--drain", is_flag=True, help="After the last record let time pass until every deadline has.")
@click.option(
    "--memory",
    type=click.IntRange(min=1),
    default=256,
    show_default=True,
    help="MiB for rows; older ones go to disk.",
)
@click.option(
    "--verify-against",
    metavar="TOPIC",
    help="Compare with what live decided: orchestrated.decision. Exit status 1 where something differs.",
)
@click.option("--json", "as_json", is_flag=True, help="The summary as one JSON object.")
def replay(
    recordings: tuple[Path, ...],
    workflows: Path | None,
    since: int | None,
    until: int | None,
    offsets: tuple[Any, ...],
    output: Path | None,
    output_topics: str | None,
    processes: int,
    partitions: int | None,
    sort: bool,
    drain: bool,
    memory: int,
    verify_against: str | None,
    as_json: bool,
) -> None:
    """Decide recorded signals again, with event time as the clock and the same code as the worker.

    RECORDINGS are files of `orchestrator record`; without them the input topics are read (never committed) up to the end
    that they have now. The digest is one number for all decisions, the same on each machine and with any number of processes.
    """
    from agents.cli.common import settings_for
    from agents.replay.task import Task
    from streams.recordings.ranges import Wanted

    wanted = Wanted(since, until, offsets)
    if recordings and wanted != Wanted():
        raise Refused("--from, --to and --offsets: expected without RECORDINGS, which are replayed whole")
    with refusals():
        settings = settings_for(workflows)
        task = Task(
            settings,
            settings.workflows,
            _partitions(recordings, partitions, settings),
            recordings,
            sort=sort,
            drain=drain,
            memory_bytes=memory * _MIB,
        )
        if verify_against is not None:
            _refuse_beside_verify(output, output_topics, processes, drain)
            _verify(task, wanted, verify_against, as_json)
        else:
            _replay(task, wanted, _sink(task, output, output_topics, processes), processes, as_json)


def _replay(task: "Task", wanted: Any, sink: Any, processes: int, as_json: bool) -> None:
    from dataclasses import replace

    from agents.replay.counted import BadLines
    from agents.replay.processes import ProcessDied
    from agents.replay.progress import progress
    from agents.replay.report import summary
    from agents.replay.run import run_replay
    from agents.replay.stop import INTERRUPTED, listening

    if not task.files:
        task = replace(task, spans=tuple(_captured(task, wanted)))
    bad = BadLines(lambda text: click.echo(text, err=True))
    with listening() as stop:
        try:
            with progress("Replay") as show:
                result = run_replay(task, processes, sink, bad, stop, show)
        except ProcessDied as error:
            raise click.ClickException(str(error)) from error
        finally:
            if sink is not None:
                _close(sink)
    click.echo(summary(result, bad.count, as_json=as_json))
    if not result.complete:
        click.echo("interrupted: what was decided up to there is complete and usable", err=True)
        raise click.exceptions.Exit(INTERRUPTED)


def _verify(task: "Task", wanted: Any, topic: str, as_json: bool) -> None:
    from agents.replay.stop import INTERRUPTED, listening
    from agents.replay.verify import verify

    with listening() as stop:
        outcome = verify(task, wanted, topic, stop, lambda text: click.echo(text, err=True))
    click.echo(outcome.text(as_json=as_json))
    if stop.asked:
        click.echo("interrupted: only the decisions up to there were compared", err=True)
        raise click.exceptions.Exit(INTERRUPTED)
    if outcome.different:
        raise click.exceptions.Exit(DIFFERENT)


def _refuse_beside_verify(
    output: Path | None, output_topics: str | None, processes: int, drain: bool
) -> None:
    for name, given in (
        ("--output", output is not None),
        ("--output-topics", output_topics is not None),
        ("--processes", processes > 1),
        ("--drain", drain),
    ):
        if given:
            raise Refused(f"{name}: expected without --verify-against, which compares and writes nothing")


def _captured(task: "Task", wanted: Any) -> Any:
    from streams.clients import client_settings
    from streams.recordings.kafka_ends import capture
    from streams.topics import input_topics

    topics = input_topics(task.load().workflows.agents)
    spans = capture(client_settings(task.settings), topics, wanted)
    if not spans:
        raise Refused(f"{', '.join(topics)}: expected at least one of these topics to exist")
    return spans


def _partitions(recordings: tuple[Path, ...], given: int | None, settings: "Settings") -> int:
    from streams.recordings.files import Files

    if not recordings:
        return given or settings.partitions
    files = Files(recordings, lambda _: None)
    files.close()
    if given is not None and files.partitions not in (None, given):
        raise Refused(f"--partitions: got {given}, expected {files.partitions}, as the recordings say")
    return files.partitions or given or settings.partitions


def _sink(task: "Task", output: Path | None, prefix: str | None, processes: int) -> "Sink | None":
    if output is not None and prefix is not None:
        raise Refused("--output and --output-topics: expected one of them")
    if output is not None:
        from agents.replay.sinks import DecisionLines

        if output in task.files:
            raise Refused(f"--output {output}: expected another file than the recording")
        try:
            return DecisionLines(output)
        except OSError as error:
            raise Refused(
                f"--output {output}: expected a file that can be written ({error.strerror})"
            ) from None
    if prefix is None:
        return None
    from agents.replay.topic_sink import LiveTopicRefused, TopicSink, refuse_live_topics
    from streams.clients import producer_settings

    if processes > 1:
        raise Refused("--processes: expected 1 with --output-topics")
    try:
        refuse_live_topics(prefix, task.load().workflows, task.settings.app_id)
    except LiveTopicRefused as error:
        raise Refused(str(error)) from None
    return TopicSink(producer_settings(task.settings), prefix)


def _close(sink: Any) -> None:
    from agents.replay.sinks import DecisionLines

    if isinstance(sink, DecisionLines):
        sink.close()
        return
    from agents.replay.topic_sink import NotDelivered

    try:
        sink.close()
    except NotDelivered as error:
        raise click.ClickException(str(error)) from error

"""What several commands share: exit statuses, options, and how refusals are said."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from config.settings import Settings

OK, DIFFERENT, REFUSED = 0, 1, 2

FILE = click.Path(dir_okay=False, path_type=Path)


class Refused(click.ClickException):
    """Bad usage or configuration: said on standard error, exit status 2."""

    exit_code = REFUSED


@contextmanager
def refusals() -> Iterator[None]:
    """What is wrong with arguments, settings or files is one message and exit status 2, never a stack trace."""
    from config.errors import ConfigurationError
    from streams.recordings.read import RecordingError

    try:
        yield
    except (ConfigurationError, RecordingError) as error:
        raise Refused(str(error)) from error


def settings_for(workflows: Path | None) -> "Settings":
    """The environment's, with the workflows file of the command line where one is given. Raises ConfigurationError."""
    from config.settings import load_settings

    settings = load_settings()
    return settings if workflows is None else settings.model_copy(update={"workflows": workflows})


def a_time(context: click.Context, parameter: click.Parameter, value: str | None) -> int | None:
    """Milliseconds of an option that is a time."""
    from streams.recordings.ranges import parse_time

    if value is None:
        return None
    try:
        return parse_time(value)
    except ValueError as error:
        raise click.BadParameter(f"got {value!r}, expected {error}", context, parameter) from None


def offsets(context: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> tuple[object, ...]:
    """The parsed ``--offsets``."""
    from streams.recordings.ranges import parse_offsets

    try:
        return tuple(parse_offsets(text) for text in value)
    except ValueError as error:
        raise click.BadParameter(f"got {' '.join(value)!r}, expected {error}", context, parameter) from None


WORKFLOWS = click.option(
    "--workflows",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Workflows file; otherwise ORCHESTRATOR_WORKFLOWS, or the shipped one.",
)
SINCE = click.option(
    "--from",
    "since",
    metavar="TIME",
    callback=a_time,
    help="Records from this time on (RFC 3339); otherwise from the beginning.",
)
UNTIL = click.option(
    "--to",
    "until",
    metavar="TIME",
    callback=a_time,
    help="Records before this time; otherwise to the end that the topics have at the start.",
)
OFFSETS = click.option(
    "--offsets",
    metavar="TOPIC[:PARTITION]:FROM-TO",
    multiple=True,
    callback=offsets,
    help="Offsets of a topic instead of times; FROM or TO may be left out, TO is exclusive. May be repeated.",
)

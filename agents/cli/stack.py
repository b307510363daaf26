"""``orchestrator stack``: a real Kafka and NATS on this machine, from packages alone."""

import shlex
from pathlib import Path

import click

from streams.stack.errors import StackError
from streams.stack.external import KAFKA_VARIABLE, NATS_VARIABLE
from streams.stack.folders import user_state_folder
from streams.stack.running import RunningStack

_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.group()
@click.option(
    "--state-dir", type=_FOLDER, help="Where the running stack is written down; one stack for each."
)
@click.pass_context
def stack(context: click.Context, state_dir: Path | None) -> None:
    """A real Kafka and NATS on this machine, without Docker.

    A server that KAFKA_BOOTSTRAP_SERVERS or NATS_URL names is used instead of a new one.
    """
    context.obj = state_dir or user_state_folder()


@stack.command()
@click.option(
    "--detach/--foreground", default=False, help="Return when it serves; otherwise stay until Ctrl-C."
)
@click.option("--data-dir", type=_FOLDER, help="Keeps the data; without it they go when the stack stops.")
@click.pass_obj
def up(state_folder: Path, detach: bool, data_dir: Path | None) -> None:
    """Start both and print their addresses. The first time fetches 44 MB."""
    from streams.stack.detach import start_detached
    from streams.stack.hold import hold

    running = RunningStack.read(state_folder)
    if running is not None:
        if not detach:
            raise click.ClickException(
                f"a stack runs already, held by process {running.owner.pid}: `status`, `down`"
            )
        _print_addresses(running)
        return
    try:
        if detach:
            _print_addresses(start_detached(state_folder, data_dir))
        else:
            hold(state_folder, data_dir, _announce)
    except StackError as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        click.echo("stopped", err=True)


@stack.command()
@click.pass_obj
def down(state_folder: Path) -> None:
    """Stop the stack that `up` started."""
    from streams.stack.detach import end

    running = RunningStack.read(state_folder)
    if running is None:
        click.echo("no stack runs", err=True)
        return
    try:
        end(running)
    except StackError as error:
        raise click.ClickException(str(error)) from error
    click.echo("stopped", err=True)


@stack.command()
@click.option(
    "--export", is_flag=True, help='Only the shell lines: eval "$(orchestrator stack status --export)".'
)
@click.pass_context
def status(context: click.Context, export: bool) -> None:
    """What runs, where and with which log. Exit status 1 where no stack runs, or one of its servers does not."""
    running = RunningStack.read(context.obj)
    if running is None:
        click.echo("no stack runs", err=True)
        context.exit(1)
    _print_addresses(running)
    if export:
        return
    click.echo(f"# held by process {running.owner.pid}")
    for server in running.servers:
        state = "runs" if server.process.is_running() else "DOES NOT RUN"
        click.echo(f"# {server.name} {state}, process {server.process.pid}, log {server.log_path}")
    if not all(server.process.is_running() for server in running.servers):
        context.exit(1)


@stack.command()
def prepare() -> None:
    """Fetch all that is needed and record Java's start-up cache: about half a minute, once; later starts are quick."""
    from streams.stack.prepare import prepare as prepare_stack

    try:
        prepare_stack()
    except StackError as error:
        raise click.ClickException(str(error)) from error


def _announce(running: RunningStack) -> None:
    _print_addresses(running)
    own = {server.name for server in running.servers}
    for name, variable in (("kafka", KAFKA_VARIABLE), ("nats", NATS_VARIABLE)):
        if name not in own:
            click.echo(f"# {name}: not started, {variable} is set")
    click.echo("# Ctrl-C or `orchestrator stack down` stops it")


def _print_addresses(running: RunningStack) -> None:
    """As shell lines, so that they can be pasted or evaluated."""
    click.echo(f"export {KAFKA_VARIABLE}={shlex.quote(running.kafka_bootstrap_servers)}")
    click.echo(f"export {NATS_VARIABLE}={shlex.quote(running.nats_url)}")

"""`orchestrator worker`: the same as `faust -A agents.app worker --without-web`, set up from the environment."""

import click


@click.command()
@click.option(
    "--with-mirror", is_flag=True, help="Run the NATS mirror in the same process, for small set-ups."
)
def worker(with_mirror: bool) -> None:
    """Run a worker until SIGTERM or Ctrl-C. Its settings are environment variables (see docs/settings.md)."""
    from agents.orchestrator.run import run_worker
    from config.errors import ConfigurationError
    from config.settings import load_settings

    try:
        status = run_worker(load_settings(), with_mirror=with_mirror)
    except ConfigurationError as error:
        raise click.ClickException(str(error)) from None
    raise click.exceptions.Exit(status)

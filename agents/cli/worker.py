"""`orchestrator worker`: the same as `faust -A agents.app worker --without-web`, set up from the environment."""

import click


@click.command()
def worker() -> None:
    """Run a worker until SIGTERM or Ctrl-C. Its settings are environment variables (see docs/settings.md)."""
    from agents.orchestrator.run import run_worker
    from config.errors import ConfigurationError
    from config.settings import load_settings

    try:
        status = run_worker(load_settings())
    except ConfigurationError as error:
        raise click.ClickException(str(error)) from None
    raise click.exceptions.Exit(status)

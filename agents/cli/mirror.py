"""`orchestrator mirror`: NATS subjects and Kafka topics, both ways, in a process of its own."""

import click


@click.command()
def mirror() -> None:
    """Carry signals from NATS JetStream to Kafka, and what the orchestrator writes back, until SIGTERM or Ctrl-C.

    Its settings are environment variables (see docs/settings.md). Several mirrors share the load.
    """
    from agents.mirror.run import run_mirror
    from config.errors import ConfigurationError
    from config.settings import load_settings

    try:
        status = run_mirror(load_settings())
    except ConfigurationError as error:
        raise click.ClickException(str(error)) from None
    raise click.exceptions.Exit(status)

"""`orchestrator agent`: one of the reference trading agents."""

import signal
from threading import Event

import click

from agents.trading.reference import AGENTS, READY


@click.command()
@click.argument("name", type=click.Choice(sorted(AGENTS)))
def agent(name: str) -> None:
    """Run a reference trading agent: reads signals.normalized, writes signals.enriched.NAME.

    Kafka's address and security and the log level come from the environment, under the orchestrator's own names.
    """
    import structlog

    from agents.trading.process import AgentProcess
    from config.errors import ConfigurationError
    from config.logging import configure_logging
    from config.settings import load_settings

    try:
        settings = load_settings()
    except ConfigurationError as error:
        raise click.ClickException(str(error)) from error
    configure_logging(f"agent-{name}", settings.log_level, settings.log_format)
    log = structlog.get_logger(__name__)
    stop = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    AgentProcess(AGENTS[name](), settings).run(stop, ready=lambda: log.info(READY, agent=name))

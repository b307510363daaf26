"""`orchestrator demo`: the whole system on this machine, fed with recorded market bars."""

import click

INTERRUPTED = 130


@click.command()
@click.option(
    "--rate", type=click.FloatRange(min=1), default=48.0, show_default=True, help="Signals a second."
)
@click.option(
    "--signals",
    type=click.IntRange(min=1),
    help="Play only so many: then not every kind of outcome need occur.",
)
@click.option("--keep", is_flag=True, help="Leave all running after the table, pages included, until Ctrl-C.")
def demo(rate: float, signals: int | None, keep: bool) -> None:
    """Start Kafka, the worker and three trading agents, play recorded market bars, and show what was decided."""
    import signal

    from rich.console import Console

    from agents.demo.bars import BarsNotInstalled
    from agents.demo.play import NotDelivered
    from agents.demo.services import ServiceFailed
    from agents.demo.show import show
    from config.errors import ConfigurationError
    from streams.stack.errors import StackError

    console = Console()
    # Ended by a service manager or by Ctrl-C: either way everything that was started is stopped.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        missing = show(console, rate, signals, keep)
    except (BarsNotInstalled, ConfigurationError, NotDelivered, ServiceFailed, StackError) as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        console.print("Stopped.")
        raise click.exceptions.Exit(INTERRUPTED) from None
    if missing and signals is None:
        console.print("Expected and not seen:", *missing, sep="\n  ")
        raise click.exceptions.Exit(1)

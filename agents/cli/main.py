"""`orchestrator`: every command of the project. A file per command; what a command needs is imported when it runs."""

import click

from agents.cli.agent import agent
from agents.cli.check_config import check_config
from agents.cli.demo import demo
from agents.cli.docs import docs
from agents.cli.mirror import mirror
from agents.cli.produce import produce
from agents.cli.record import record
from agents.cli.replay import replay
from agents.cli.stack import stack
from agents.cli.trace import trace
from agents.cli.worker import worker


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="signal-orchestrator")
def main() -> None:
    """Collect what trading agents say about a signal, decide once, send the decision on, and prove later why."""


for command in (agent, check_config, demo, docs, mirror, produce, record, replay, stack, trace, worker):
    main.add_command(command)

if __name__ == "__main__":
    main()

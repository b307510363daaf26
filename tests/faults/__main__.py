"""`make faults`: campaigns from the command line. Status 1 where an invariant is violated or a fault did not land."""

import logging
import tempfile
from pathlib import Path

import click

from tests.faults.campaign import Plan, run_campaign
from tests.faults.schedule import FULL


@click.command()
@click.option("--seed", default=1, show_default=True)
@click.option("--correlations", default=30_000, show_default=True)
@click.option("--per-second", default=100.0, show_default=True, help="Correlations opened.")
@click.option("--guarantee", type=click.Choice(["exactly_once", "at_least_once"]), multiple=True)
@click.option(
    "--fault", "faults", multiple=True, help="NAME or NAME=COUNT; several times. Without it: all of them."
)
def main(
    seed: int, correlations: int, per_second: float, guarantee: tuple[str, ...], faults: tuple[str, ...]
) -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    counts = (
        dict(FULL)
        if not faults
        else {name: int(count or 1) for name, _, count in (fault.partition("=") for fault in faults)}
    )
    for one in guarantee or ("exactly_once", "at_least_once"):
        folder = Path(tempfile.mkdtemp(prefix="faults-"))
        print(folder)
        for verdict in run_campaign(
            Plan(counts, seed, one, correlations, per_second, slack_ms=20_000), folder
        ):
            print(verdict)


if __name__ == "__main__":
    main()

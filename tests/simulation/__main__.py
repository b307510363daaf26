"""``python -m tests.simulation SEED [--guarantee ...] [--trace] [--bug ...]``: one seed again, with what happened."""

import click

from tests.simulation.bugs import Bug
from tests.simulation.simulation import simulate
from tests.simulation.world import Guarantee


@click.command()
@click.argument("seed", type=int)
@click.option("--guarantee", type=click.Choice(["exactly_once", "at_least_once"]), default="exactly_once")
@click.option("--bug", type=click.Choice([bug.name for bug in Bug]), help="Plant this bug.")
@click.option("--trace", is_flag=True, help="Print every event, not only the last ones.")
def main(seed: int, guarantee: Guarantee, bug: str | None, trace: bool) -> None:
    """Run SEED, print its last effects and what was violated; ends with 1 if anything was."""
    result = simulate(
        seed, guarantee, bug=None if bug is None else Bug[bug], remember=1_000_000 if trace else 60
    )
    for event in result.trace:
        click.echo(event)
    click.echo(f"{result.records} records, {result.outcomes} outcomes sent, {result.steps} steps")
    for sentence in result.violations:
        click.echo(f"VIOLATED {sentence}")
    raise SystemExit(bool(result.violations))


if __name__ == "__main__":
    main()

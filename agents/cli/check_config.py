"""`orchestrator check-config`: is the workflows file right, and does it decide as its scenarios say?"""

from pathlib import Path

import click

from agents.cli.common import DIFFERENT, FILE, refusals


@click.command("check-config")
@click.argument("workflows", required=False, type=FILE)
@click.option(
    "--scenarios",
    multiple=True,
    type=FILE,
    help="Other scenarios than those beside the file. May be repeated.",
)
@click.option("--strict", is_flag=True, help="Exit status 1 for warnings too.")
def check_config(workflows: Path | None, scenarios: tuple[Path, ...], strict: bool) -> None:
    """Check a workflows file and run the scenarios written beside it; otherwise the file of ORCHESTRATOR_WORKFLOWS.

    Scenarios of NAME.yaml stand in NAME.scenarios.yaml: given these signals, expect this decision. Exit status 1 where one
    fails, 2 where a file is wrong. No broker is needed.
    """
    from agents.cli.common import settings_for
    from config.workflows.loader import load_workflows
    from config.workflows.scenarios import load_scenarios, run_scenarios, scenarios_beside

    with refusals():
        settings = settings_for(workflows)
        loaded = load_workflows(
            settings.workflows,
            timeout_override=settings.decision_timeout_sec,
            min_agents_override=settings.min_agents_required,
        )
        beside = scenarios_beside(settings.workflows)
        paths = scenarios or ((beside,) if beside.exists() else ())
        found = [load_scenarios(path) for path in paths]
    for warning in loaded.warnings:
        click.echo(f"warning: {warning}")
    names = ", ".join(workflow.name for workflow in loaded.workflows)
    click.echo(
        f"{loaded.path}: {len(loaded.workflows)} workflows ({names}), digest {loaded.workflows.digest_of_all}"
    )
    if not found:
        click.echo(f"no scenarios: {beside} does not exist")
    count = failures = 0
    for one in found:
        for failed in run_scenarios(one, loaded.workflows):
            failures += 1
            click.echo(f"FAILED {failed.place}: {failed.name}")
            for difference in failed.differences:
                click.echo(f"    {difference}")
        count += len(one.scenarios)
    if found:
        click.echo(f"{count} scenarios, {failures} failed")
    if failures or (strict and loaded.warnings):
        raise click.exceptions.Exit(DIFFERENT)

"""`orchestrator docs`: the parts of the documentation that are made from the code, so that they cannot say something else."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

DOCS = Path(__file__).resolve().parents[2] / "docs"
SCHEMAS = "schemas"

_NOTE = (
    "<!-- Written by `orchestrator docs`; a test asserts that it says what the code does. Do not edit. -->\n"
)


@click.command()
@click.option(
    "--check", is_flag=True, help="Write nothing; exit status 1 where a file is not what the code says."
)
def docs(check: bool) -> None:
    """Write docs/settings.md, docs/metrics.md, docs/commands.md and docs/schemas/ anew from the code. For a checkout of the project."""
    if not DOCS.is_dir():
        raise click.ClickException(f"{DOCS} is not there: this command is for a checkout of the project")
    drifted = drift(DOCS)
    for name in drifted:
        click.echo(name)
    if check:
        if drifted:
            raise click.ClickException("these differ from the code: run `orchestrator docs`")
        return
    made = documents()
    for name in drifted:
        if name in made:
            (DOCS / name).parent.mkdir(exist_ok=True)
            (DOCS / name).write_text(made[name], encoding="utf-8")
        else:
            (DOCS / name).unlink()


def drift(folder: Path) -> list[str]:
    """Names, below ``folder``, of the files that are missing, differ from the code, or are schemas of nothing any more."""
    made = documents()
    differing = {name for name, text in made.items() if _text(folder / name) != text}
    left_over = {f"{SCHEMAS}/{path.name}" for path in (folder / SCHEMAS).glob("*.json")} - made.keys()
    return sorted(differing | left_over)


def documents() -> dict[str, str]:
    """Every generated file by its name below ``docs/``."""
    from agents.cli.help_pages import commands_page
    from orchestration.messages.schemas import schemas

    made = {f"{SCHEMAS}/{name}": _json(schema) for name, schema in schemas().items()}
    made[f"{SCHEMAS}/workflows.json"] = _json(_workflows_schema())
    made["settings.md"] = _settings()
    made["metrics.md"] = _metrics()
    made["commands.md"] = _NOTE + commands_page()
    return made


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _json(schema: Mapping[str, Any]) -> str:
    import json

    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _workflows_schema() -> dict[str, Any]:
    from pydantic import TypeAdapter

    from orchestration.messages.schemas import schemas
    from orchestration.workflow import Workflow

    dialect = next(iter(schemas().values()))["$schema"]
    made = TypeAdapter(list[Workflow]).json_schema()
    return {"$schema": dialect, "title": "Workflows file", **made, "minItems": 1}


def _settings() -> str:
    from config.settings_reference import setting_rows

    rows = []
    for row in setting_rows():
        description = row.description
        if row.secret:
            description += f" Secret: `{row.variable}_FILE` may name a file that holds it instead."
        rows.append((f"`{row.variable}`", description, row.expected, _code(row.default), _code(row.example)))
    head = (
        "# Settings\n\n"
        "Environment variables, read once at start. An empty value counts as unset. A wrong value refuses the start: the "
        "message names every wrong variable, what was given (never for a secret) and what was expected.\n\n"
        "The settings of NATS are used by `orchestrator mirror` and `orchestrator worker --with-mirror`. "
        "`ORCHESTRATOR_WEB_TOKEN` is read and checked; no part of the worker uses it yet.\n\n"
    )
    return _NOTE + head + _table(("variable", "what it is", "expected", "default", "example"), rows)


def _metrics() -> str:
    from config.metrics import CATALOGUE

    rows = [
        (f"`{metric.name}`", metric.kind, metric.help, _code(*metric.labels), _numbers(metric.buckets))
        for metric in CATALOGUE
    ]
    head = (
        "# Metrics\n\n"
        "What `/metrics` of a worker or a mirror serves, as Prometheus text. Counters and gauges are this worker's own: add them up over "
        "all workers. No label ever holds a corr_id. What to watch: [operations.md](operations.md#metrics-to-watch).\n\n"
        "The `orchestrator_mirror_…` metrics have values in a process that runs the mirror.\n\n"
    )
    return _NOTE + head + _table(("name", "kind", "what it is", "labels", "buckets"), rows)


def _code(*texts: str) -> str:
    return ", ".join(f"`{text}`" for text in texts if text)


def _numbers(buckets: Sequence[float]) -> str:
    return ", ".join(f"{bucket:g}" for bucket in buckets)


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "".join(_lines([columns, ["---"] * len(columns), *rows]))


def _lines(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |\n"

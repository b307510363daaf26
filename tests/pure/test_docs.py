"""The documentation says what the code does: nothing generated has drifted, links lead somewhere, the example runs."""

import re
from pathlib import Path
from urllib.parse import unquote

import pytest
from click.testing import CliRunner

from agents.cli.docs import DOCS, documents, drift
from agents.cli.main import main
from config.metrics import CATALOGUE
from config.settings_reference import setting_rows

PROJECT = Path(__file__).resolve().parents[2]
PAGES = sorted([*PROJECT.glob("*.md"), *DOCS.rglob("*.md")])

_LINK = re.compile(r"\]\(([^()\s]+)\)")
_ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:")
_FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def _prose(page: Path) -> str:
    return _FENCED.sub("", page.read_text("utf-8"))


def _anchors(page: Path) -> set[str]:
    """As code hosts make them of headings."""
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in _HEADING.findall(_prose(page)))
    return {heading.replace(" ", "-") for heading in plain}


def test_what_is_generated_from_the_code_has_not_drifted() -> None:
    assert drift(DOCS) == [], "run `orchestrator docs`"


def test_a_missing_a_changed_and_a_left_over_file_are_all_drift(tmp_path: Path) -> None:
    (tmp_path / "schemas").mkdir()
    for name, text in documents().items():
        (tmp_path / name).write_text(text, "utf-8")
    assert drift(tmp_path) == []
    (tmp_path / "settings.md").unlink()
    (tmp_path / "metrics.md").write_text("# Metrics\n", "utf-8")
    (tmp_path / "schemas" / "gone.json").write_text("{}", "utf-8")
    assert drift(tmp_path) == ["metrics.md", "schemas/gone.json", "settings.md"]


def test_the_command_checks_without_writing() -> None:
    result = CliRunner().invoke(main, ["docs", "--check"])
    assert (result.exit_code, result.output) == (0, "")


def test_every_setting_and_metric_is_in_its_reference() -> None:
    made = documents()
    assert [
        row.variable for row in setting_rows() if f"| `{row.variable}` |" not in made["settings.md"]
    ] == []
    assert [metric.name for metric in CATALOGUE if f"| `{metric.name}` |" not in made["metrics.md"]] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    broken = []
    for target in _LINK.findall(_prose(page)):
        if _ELSEWHERE.match(target):
            continue
        name, _, anchor = unquote(target).partition("#")
        file = (page.parent / name).resolve() if name else page
        if not file.exists() or (anchor and anchor not in _anchors(file)):
            broken.append(target)
    assert broken == []


def test_every_decision_page_stands_in_the_index() -> None:
    index = (DOCS / "decisions" / "README.md").read_text("utf-8")
    pages = {page.name for page in (DOCS / "decisions").glob("*.md")} - {"README.md"}
    assert {page for page in pages if page not in index} == set()


def test_every_schema_is_linked_from_the_contracts() -> None:
    linked = set(_LINK.findall((DOCS / "contracts.md").read_text("utf-8")))
    assert {name for name in documents() if name.startswith("schemas/")} <= linked


def test_the_first_workflow_of_the_readme_runs() -> None:
    blocks = re.findall(
        r"^```python\n(.*?)^```", (PROJECT / "README.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    (block,) = blocks
    exec(compile(block, "README.md", "exec"), {})

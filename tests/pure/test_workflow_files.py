"""A workflows file is taken whole or refused with file, line and field."""

import time
from pathlib import Path

import pytest

from config.errors import ConfigurationError, WorkflowFileError
from config.workflows.document import parse_document
from config.workflows.loader import LoadedWorkflows, load_workflows

GOOD = """\
- name: fx
  match:
    - {field: instrument, op: length, value: 6}
  required_agents: [momentum, risk]
  timeout_sec: 120
  min_agents: 2
  weights:
    momentum: {weight: 0.5, value: confidence}
    risk: {weight: 0.5, value: 1 - overall_score}
  routes:
    - name: strong
      when:
        - {field: momentum.momentum_strength, op: gt, value: 0.7}
        - any_of:
            - {field: risk.risk_level, op: eq, value: low}
            - {field: risk.risk_level, op: eq, value: medium}
      action: trade
      execution_topic: execution.order
    - name: default
      action: monitor
- name: default
  required_agents: [momentum, risk]
  timeout_sec: 300
  min_agents: 1
  weights:
    momentum: {weight: 0.4, value: confidence}
    risk: {weight: 0.6, value: 1 - overall_score}
  routes:
    - name: default
      action: monitor
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "workflows.yaml"


def refused(file: Path, content: str | bytes, **overrides: float) -> list[tuple[int | None, str, str]]:
    """(line, field, expected) of each problem."""
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(WorkflowFileError) as caught:
        load_workflows(file, **overrides)  # type: ignore[arg-type]  # the two overrides, by name
    return [(problem.line, problem.name, problem.expected) for problem in caught.value.problems]


def loaded(file: Path, content: str) -> LoadedWorkflows:
    file.write_text(content)
    return load_workflows(file)


def test_the_file_that_the_refusals_start_from_is_good(file: Path) -> None:
    assert [workflow.name for workflow in loaded(file, GOOD).workflows] == ["fx", "default"]


# What is changed in GOOD → line, field and what was expected.
REFUSALS: dict[str, tuple[str, str, int, str, str]] = {
    "unknown field": (
        "  timeout_sec: 120",
        "  timeout_secs: 120",
        5,
        "0.timeout_secs",
        "'timeout_sec' meant",
    ),
    "missing field": ("  min_agents: 2\n", "", 1, "0.min_agents", "the field is missing"),
    "wrong type": ("timeout_sec: 120", "timeout_sec: soon", 5, "0.timeout_sec", "a valid number"),
    "text for a number": ("timeout_sec: 120", "timeout_sec: '120'", 5, "0.timeout_sec", "a valid number"),
    "out of range": ("timeout_sec: 120", "timeout_sec: 0", 5, "0.timeout_sec", "greater than or equal"),
    "not finite": ("timeout_sec: 120", "timeout_sec: .inf", 5, "0.timeout_sec", "a finite decimal number"),
    "leading zero": ("value: 6}", "value: 007}", 3, "0.match.0.value", "without leading zeros"),
    "text for a list": ("[momentum, risk]", "momentum", 4, "0.required_agents", "a list"),
    "bad name": ("- name: fx", "- name: F X", 1, "0.name", "text that matches"),
    "unknown operator": ("op: length", "op: regex", 3, "0.match.0.op", "'eq'"),
    "operand of a wrong kind": ("value: 6}", "value: six}", 3, "0.match.0.value", "a whole number"),
    "unknown field in a clause": ("op: gt,", "op: gt, not: 1,", 13, "0.routes.0.when.0.not", "no such field"),
    "clause in any_of": (
        "op: eq, value: medium",
        "op: eq, valeu: medium",
        16,
        "0.routes.0.when.1.any_of.1.valeu",
        "'value' meant",
    ),
    "unknown agent in a weight": (
        "    risk: {weight: 0.5",
        "    rsk: {weight: 0.5",
        9,
        "0.weights.rsk",
        "an agent of",
    ),
    "unknown agent in a clause": (
        "field: momentum.momentum_strength",
        "field: momntum.momentum_strength",
        12,
        "0.routes.0.when",
        "not 'momntum.momentum_strength'",
    ),
    "weights that do not sum to 1": ("risk: {weight: 0.5", "risk: {weight: 0.6", 7, "0.weights", "sum to 1"),
    "more agents needed than there are": ("min_agents: 2", "min_agents: 3", 6, "0.min_agents", "at most 2"),
    "an agent twice": (
        "[momentum, risk]\n  timeout_sec: 120",
        "[risk, risk]\n  timeout_sec: 120",
        1,
        "0.optional_agents",
        "",
    ),
    "no topic for orders": (
        "      execution_topic: execution.order\n",
        "",
        11,
        "0.routes.0.execution_topic",
        "",
    ),
    "no route that always matches": (
        "    - name: default\n      action: monitor\n- name: default",
        "- name: default",
        12,
        "0.routes.0.when",
        "the last route must match always",
    ),
    "no workflow that matches everything": (
        "- name: default\n  required",
        "- name: default\n  match: [{field: instrument, op: eq, value: SPY}]\n  required",
        22,
        "1.match",
        "the last workflow must match everything",
    ),
    "a workflow's name twice": (
        "- name: default\n  required",
        "- name: fx\n  required",
        21,
        "1.name",
        "'fx' is taken",
    ),
    "duplicate key": (
        "  min_agents: 2",
        "  min_agents: 2\n  timeout_sec: 60",
        7,
        "0.timeout_sec",
        "line 5 too",
    ),
    "not YAML": ("required_agents: [momentum, risk]", "required_agents: [momentum, risk", 5, "", "YAML"),
    "an anchor": ("timeout_sec: 120", "timeout_sec: &t 120", 5, "", "no anchors"),
    "a tag": ("timeout_sec: 120", "timeout_sec: !!float 120", 5, "", "no tags"),
    "a merge key": ("  timeout_sec: 120", "  timeout_sec: 120\n  <<: {}", 6, "0.<<", "no such field"),
    "a second document": (
        "- name: default\n  required",
        "---\n- name: default\n  required",
        21,
        "",
        "one document",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_bad_file_is_refused_with_line_and_field(file: Path, case: str) -> None:
    old, new, line, field, expected = REFUSALS[case]
    assert GOOD.count(old) >= 1
    problems = refused(file, GOOD.replace(old, new, 1))
    assert (line, field) in [(problem[0], problem[1]) for problem in problems], problems
    assert any(expected in problem[2] for problem in problems if problem[1] == field), problems


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", (1, "", "a list of workflows")),
        (b"# nothing\n", (1, "", "a list of workflows")),
        (b"[]\n", (1, "", "a list of workflows")),
        (b"workflows: []\n", (1, "", "a list of workflows")),
        (b"- name: a\n- name: \xff\n", (2, "", "UTF-8")),
        (b"- name: \x00\n", (None, "", "YAML in printable characters")),
        (b"- {[a]: b}\n", (1, "0", "a key that is text")),
    ],
)
def test_a_file_that_is_no_list_of_workflows_is_refused(
    file: Path, content: bytes, problem: tuple[int | None, str, str]
) -> None:
    assert refused(file, content) == [problem]


def test_all_problems_of_a_file_are_listed_in_its_order(file: Path) -> None:
    content = GOOD.replace("timeout_sec: 120", "timeout_sec: -1").replace("op: length", "op: long")
    content = content.replace("min_agents: 1", "min_agents: 0").replace("0.6, value", "0.7, value")
    assert [problem[:2] for problem in refused(file, content)] == [
        (3, "0.match.0.op"),
        (5, "0.timeout_sec"),
        (24, "1.min_agents"),
    ]


def test_all_duplicate_keys_are_listed(file: Path) -> None:
    content = GOOD.replace("min_agents: 2", "min_agents: 2\n  min_agents: 1\n  name: other")
    assert [problem[:2] for problem in refused(file, content)] == [(7, "0.min_agents"), (8, "0.name")]


def test_the_text_of_a_refusal_has_file_line_column_field_value_and_what_was_expected(file: Path) -> None:
    file.write_text(GOOD.replace("timeout_sec: 120", "timeout_sec: soon"))
    with pytest.raises(ConfigurationError) as caught:
        load_workflows(file)
    assert str(caught.value) == f"{file}:5:3: 0.timeout_sec: got 'soon', expected a valid number"


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WorkflowFileError, match=r"none\.yaml: expected a readable file \(No such file"):
        load_workflows(tmp_path / "none.yaml")


def test_overrides_replace_the_values_of_every_workflow_and_show_in_the_digest(file: Path) -> None:
    plain = loaded(file, GOOD).workflows
    overridden = load_workflows(file, timeout_override=42.0, min_agents_override=2).workflows
    assert [(w.timeout_sec, w.min_agents) for w in overridden] == [(42.0, 2), (42.0, 2)]
    assert overridden.digest_of_all != plain.digest_of_all


def test_a_bad_override_is_named_as_the_variable_that_it_came_from(file: Path) -> None:
    content = GOOD.replace("    momentum: {weight: 0.4, value: confidence}\n", "").replace(
        "weight: 0.6", "weight: 1.0"
    )
    content = content.replace("[momentum, risk]\n  timeout_sec: 300", "[risk]\n  timeout_sec: 300")
    assert refused(file, content, min_agents_override=2) == [
        (24, "MIN_AGENTS_REQUIRED (for 1.min_agents)", "at most 1, the number of agents")
    ]
    assert [p[1] for p in refused(file, GOOD, timeout_override=-1.0)] == [
        "DECISION_TIMEOUT_SEC (for 0.timeout_sec)",
        "DECISION_TIMEOUT_SEC (for 1.timeout_sec)",
    ]


def test_an_override_does_not_hide_a_bad_file(file: Path) -> None:
    assert refused(file, GOOD.replace("timeout_sec: 120", "timeout_sec: soon"), timeout_override=60.0)[0][
        :2
    ] == (
        5,
        "0.timeout_sec",
    )


BOMBS = {
    "aliases that unfold to billions": "".join(
        f"- &a{i} [{', '.join([f'*a{i - 1}'] * 10) if i else 'x'}]\n" for i in range(12)
    ),
    "a thousand levels": "[" * 100_000,
    "a thousand levels of mappings": "{a: " * 30_000,
    "more fields than anyone needs": "- a\n" * 30_000,
    "one endless line": "[" + "1," * 60_000 + "]",
    "ten megabytes": "- name: a\n" * 1_000_000,
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_file_made_to_exhaust_the_reader_is_refused_quickly(file: Path, bomb: str) -> None:
    before = time.process_time()
    assert len(refused(file, BOMBS[bomb])) == 1
    assert time.process_time() - before < 10


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("-1", -1),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("true", True),
        ("~", None),
        ("", None),
        ("'1'", "1"),
        ("'true'", "true"),
        # Other readers make a truth value of the Norwegian country code, and a date of this.
        ("NO", "NO"),
        ("2026-01-15", "2026-01-15"),
        ("1 - overall_score", "1 - overall_score"),
        ("BTC/USD", "BTC/USD"),
    ],
)
def test_a_scalar_is_what_it_looks_like(text: str, value: object) -> None:
    found = parse_document(f"a: {text}\n").data["a"]
    assert found == value
    assert type(found) is type(value)

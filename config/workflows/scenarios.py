"""Scenarios beside a workflows file: given these signals, expect this decision. A rule change is tested like code.

For `workflows.yaml` they stand in `workflows.scenarios.yaml`; the schema is ``Scenario``.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from config.errors import FileProblem, WorkflowFileError
from config.workflows.explain import explain
from config.workflows.loader import read_document
from orchestration.driver import START, OrchestratorTestDriver
from orchestration.intake import ENRICHED_PREFIX, NORMALIZED_TOPIC
from orchestration.signal import JsonObject
from orchestration.timestamps import format_timestamp
from orchestration.workflows import Workflows

NORMALIZED = "normalized"
_TOLERANCE = 1e-9
_AFTER_EVERYTHING_SEC = 86_401.0
"""Longer than any workflow may wait."""


class Given(BaseModel):
    """One signal. ``after_sec``: seconds after the scenario begins, by its Kafka timestamp.

    ``analysis`` and ``source`` are the agent's own fields, and those of its `source_signal` (of a normalized signal: its own fields).
    ``value`` replaces fields of the whole payload, which is how a bad one is written.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    agent: str = Field(min_length=1)
    after_sec: float = Field(default=0.0, ge=0, le=86_400)
    analysis: dict[str, Any] = {}
    source: dict[str, Any] | None = None
    value: dict[str, Any] = {}


class Scenario(BaseModel):
    """``expect``: dotted fields of the decision and their values; null where none may have been made by ``until_sec``.

    ``expect_order``: the same of the order; null where none may go out.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1)
    signals: Annotated[list[Given], Field(min_length=1)]
    until_sec: float = Field(default=_AFTER_EVERYTHING_SEC, gt=0)
    expect: dict[str, Any] | None
    expect_order: dict[str, Any] | None = {}


@dataclass(frozen=True, slots=True)
class Failed:
    """A scenario whose decision was another one. ``differences``: a line each."""

    name: str
    place: str
    differences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LoadedScenarios:
    """``lines``: where in the file each begins."""

    path: Path
    scenarios: tuple[Scenario, ...]
    lines: tuple[int, ...]


_LIST: TypeAdapter[list[Scenario]] = TypeAdapter(list[Scenario])


def scenarios_beside(workflows: Path) -> Path:
    """Where the scenarios of a workflows file stand, whether or not there are any."""
    return workflows.with_name(f"{workflows.stem}.scenarios.yaml")


def load_scenarios(path: Path) -> LoadedScenarios:
    """Raises WorkflowFileError with every problem that could be found, with its line and field."""
    document = read_document(path, "scenarios")
    try:
        scenarios = _LIST.validate_python(document.data)
    except ValidationError as error:
        raise WorkflowFileError(explain(error, document, str(path))) from None
    problems = []
    names: set[str] = set()
    lines = []
    for index, scenario in enumerate(scenarios):
        line, column = document.place((index,)) or (1, 1)
        lines.append(line)
        if scenario.name in names:
            problems.append(
                FileProblem(f"{index}.name", "a name used once", scenario.name, str(path), line, column)
            )
        names.add(scenario.name)
    if problems:
        raise WorkflowFileError(problems)
    return LoadedScenarios(path, tuple(scenarios), tuple(lines))


def run_scenarios(loaded: LoadedScenarios, workflows: Workflows) -> list[Failed]:
    """Those that failed, in the order of the file."""
    failed = []
    for scenario, line in zip(loaded.scenarios, loaded.lines, strict=True):
        differences = tuple(_run(scenario, workflows))
        if differences:
            failed.append(Failed(scenario.name, f"{loaded.path}:{line}", differences))
    return failed


def _run(scenario: Scenario, workflows: Workflows) -> Iterator[str]:
    driver = OrchestratorTestDriver(workflows)
    for given in sorted(scenario.signals, key=lambda given: given.after_sec):
        at = START + round(given.after_sec * 1000)
        driver.advance_to(at)
        driver.pipe(_topic(given.agent), _payload(given, at), timestamp=at)
        for dead in driver.effects.dead_letters:
            if dead.reason != "validation_error":
                yield f"signals: {given.agent}: dead-lettered, {dead.reason} ({dead.message})"
                return
    driver.advance_to(START + round(scenario.until_sec * 1000))
    outcomes = driver.outcomes()
    if scenario.expect is None:
        if outcomes:
            yield f"expected no decision, got {outcomes[0].action} ({outcomes[0].reason})"
        return
    if not outcomes:
        yield "expected a decision, got none"
        return
    decision = driver.decisions()[0]
    yield from _differences("", scenario.expect, decision)
    order = outcomes[0].order
    if scenario.expect_order is None:
        if order is not None:
            yield f"expected no order, got one to {decision['execution_topic']}"
    elif scenario.expect_order and order is None:
        yield f"expected an order, got none ({decision['action']}, {decision['reason']})"
    elif scenario.expect_order:
        yield from _differences(
            "order.", scenario.expect_order, driver.values(decision["execution_topic"])[0]
        )


def _differences(prefix: str, expected: dict[str, Any], found: JsonObject) -> Iterator[str]:
    for path, wanted in expected.items():
        value: Any = found
        for part in path.split("."):
            if type(value) is list and part.isdigit() and int(part) < len(value):
                value = value[int(part)]
            elif type(value) is dict and part in value:
                value = value[part]
            else:
                yield f"{prefix}{path}: expected {wanted!r}, there is no such field"
                break
        else:
            if not _equal(wanted, value):
                yield f"{prefix}{path}: expected {wanted!r}, got {value!r}"


def _equal(wanted: Any, value: Any) -> bool:
    if type(wanted) in (int, float) and type(value) in (int, float):
        return bool(abs(wanted - value) <= _TOLERANCE * max(1.0, abs(wanted)))
    return bool(wanted == value)


def _topic(agent: str) -> str:
    return NORMALIZED_TOPIC if agent == NORMALIZED else ENRICHED_PREFIX + agent


def _payload(given: Given, at: int) -> JsonObject:
    now = format_timestamp(at)
    source = {"instrument": "EURUSD", "price": 1.0945, "side": "buy", "timestamp": format_timestamp(START)}
    if given.agent == NORMALIZED:
        body = {"source": "test", **source, "normalized_at": now, **(given.source or {})}
    else:
        body = {"agent_name": given.agent, "enriched_at": now, "analysis": given.analysis}
        if given.source is not None:
            body["source_signal"] = {**source, **given.source}
    return {"corr_id": "scenario", **body, **given.value}

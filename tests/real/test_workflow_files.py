"""Several workflows in one file, through the real worker: which one a correlation gets, and what a new file changes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from config.orchestrator_settings import SHIPPED_WORKFLOWS
from streams.stack.external import ExternalKafka
from streams.stack.kafka_server import KafkaServer
from streams.topics import DECISION_TOPIC
from tests.real.orchestrator import Orchestrator, orchestrator_on
from tests.real.outputs import decoded, headers_of
from tests.real.signal_sets import NORMALIZED, bodies, topic_of

EXAMPLES = SHIPPED_WORKFLOWS.with_name("examples")
YAML_FILE = YAML(typ="safe", pure=True)
# The loader takes no aliases, which the dumper would write where a part is used twice.
YAML_FILE.representer.ignore_aliases = lambda _: True


def workflows_file(folder: Path) -> str:
    """Crypto, ETF and FX as in the examples, one of its own whose sizes overflow, and the shipped one for the rest."""
    shipped = YAML_FILE.load(SHIPPED_WORKFLOWS)
    examples = [YAML_FILE.load(EXAMPLES / f"workflows-{name}.yaml")[0] for name in ("crypto", "etf", "fx")]
    huge: dict[str, Any] = {
        **shipped[0],
        "name": "huge",
        "match": [{"field": "instrument", "op": "eq", "value": "HUGE"}],
        "routes": [
            {
                "name": "default",
                "action": "trade",
                "execution_topic": "execution.order",
                "position_multiplier": 10,
                "notify": ["alerts.huge"],
            }
        ],
    }
    path = folder / "workflows.yaml"
    YAML_FILE.dump([*examples, huge, *shipped], path)
    return str(path)


@pytest.fixture(scope="module")
def orchestrator(
    kafka: KafkaServer | ExternalKafka, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Orchestrator]:
    folder = tmp_path_factory.mktemp("workflows")
    with orchestrator_on(
        kafka.bootstrap_servers, folder, ORCHESTRATOR_WORKFLOWS=workflows_file(folder)
    ) as made:
        made.start()
        yield made


def sent(orchestrator: Orchestrator, instrument: str, *agents: str, **risk: Any) -> str:
    """A correlation of this instrument with the signals of these agents, all of them read."""
    signals = bodies(corr_id := orchestrator.traffic.corr_id("instrument"), *agents)
    for agent, body in signals.items():
        (body if agent == NORMALIZED else body["source_signal"])["instrument"] = instrument
    if "risk" in signals:
        signals["risk"]["analysis"].update(risk)
    orchestrator.traffic.send_in_order(signals)
    orchestrator.settle()
    return corr_id


@pytest.mark.parametrize(
    ("instrument", "workflow", "agents"),
    [
        ("BTC/USD", "crypto", ("momentum", "risk", "correlation", "sentiment")),
        ("SPY", "etf", ("momentum", "risk", "correlation", "macro")),
        ("EURUSD", "fx", ("momentum", "risk")),
        ("AAPL", "default", ("momentum", "risk", "correlation")),
    ],
)
def test_the_instrument_says_which_workflow_and_so_which_agents_are_needed(
    orchestrator: Orchestrator, instrument: str, workflow: str, agents: tuple[str, ...]
) -> None:
    incomplete = sent(orchestrator, instrument, *agents[:-1])
    complete = sent(orchestrator, instrument, *agents)
    assert orchestrator.decisions(incomplete) == []
    decision = orchestrator.the_decision(complete)
    assert (decision["workflow"], decision["action"]) == (workflow, "trade")
    assert tuple(decision["contributing_agents"]) == tuple(sorted(agents))
    assert decision["workflow_digest"] == orchestrator.workflows.digest(
        orchestrator.workflows.named(workflow)
    )


def test_an_instrument_that_is_told_last_can_complete_a_correlation(orchestrator: Orchestrator) -> None:
    signals = bodies(corr_id := orchestrator.traffic.corr_id("told-last"), "momentum", "risk")
    start = signals.pop(NORMALIZED)
    for body in signals.values():
        body["source_signal"] = None
    orchestrator.traffic.send_all(signals)
    orchestrator.settle()
    assert orchestrator.decisions(corr_id) == []
    orchestrator.traffic.send(topic_of(NORMALIZED), start)
    orchestrator.settle()
    decision = orchestrator.the_decision(corr_id)
    assert (decision["workflow"], decision["completed_by"]) == ("fx", "all_required")


def test_a_stage_that_fails_is_that_stages_error_and_nothing_is_ordered(orchestrator: Orchestrator) -> None:
    size = {"recommended_size": 1e308, "max_position_size": None}
    corr_id = sent(orchestrator, "HUGE", "momentum", "risk", "correlation", position_sizing=size)
    decision = orchestrator.the_decision(corr_id)
    assert (decision["action"], decision["reason"], decision["current_stage"]) == (
        "monitor",
        "stage_error",
        2,
    )
    failed = decision["stages"][-1]
    assert (failed["name"], failed["stopped"]) == ("position_sizing", True)
    assert failed["error"]["type"]
    assert failed["error"]["message"]
    assert orchestrator.outputs.of("execution.order", corr_id) == []
    assert orchestrator.outputs.of("alerts.huge", corr_id) == []


def test_a_route_that_notifies_sends_the_decision_itself(orchestrator: Orchestrator) -> None:
    corr_id = sent(orchestrator, "HUGE", "momentum", "risk", "correlation")
    (alert,) = orchestrator.outputs.of("alerts.huge", corr_id)
    (decision,) = orchestrator.outputs.of(DECISION_TOPIC, corr_id)
    assert (alert.value, headers_of(alert)) == (decision.value, headers_of(decision))
    (order,) = orchestrator.outputs.of("execution.order", corr_id)
    assert decoded(order)["quantity"] == 10_000.0

"""The contracts' decisions through the real worker, under both guarantees: the same bytes as the pure core gives."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from prometheus_client.parser import text_string_to_metric_families

from config.metrics import CATALOGUE
from config.version import orchestrator_version
from orchestration.driver import OrchestratorTestDriver
from orchestration.message import Message
from orchestration.messages.decision import Decision
from orchestration.outcome import Outcome
from orchestration.record import LogRecord
from orchestration.signal import NORMALIZED as NORMALIZED_AGENT
from streams.stack.external import ExternalKafka
from streams.stack.kafka_server import KafkaServer
from streams.topics import AUDIT_TOPIC, DECISION_TOPIC
from tests.real.orchestrator import PARTITIONS, Orchestrator, orchestrator_on
from tests.real.outputs import decoded, headers_of, read_back
from tests.real.scenarios import SCENARIOS, Scenario
from tests.real.signal_sets import topic_of
from tests.real.worker_metrics import samples
from tests.real.worker_process import Worker, eventually

ALWAYS = {DECISION_TOPIC, "risk.monitor.decision", "audit.decision", "portfolio.decision", AUDIT_TOPIC}
TIMEOUT_SECONDS = 6
"""Time for three waves of signals; so long the deadlines among the scenarios take."""


@dataclass
class Batch:
    """All scenarios, decided by a worker and by the core."""

    orchestrator: Orchestrator
    worker: Worker
    corr_ids: dict[str, str]
    driver: OrchestratorTestDriver

    def sent(self, scenario: Scenario) -> dict[str, list[LogRecord]]:
        return self.orchestrator.outputs.everything_of(self.corr_ids[scenario.name])

    def outcome(self, scenario: Scenario) -> Outcome:
        (found,) = [o for o in self.driver.outcomes() if o.inputs.corr_id == self.corr_ids[scenario.name]]
        return found


@pytest.fixture(scope="module", params=["exactly_once", "at_least_once"])
def batch(
    request: pytest.FixtureRequest,
    kafka: KafkaServer | ExternalKafka,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Batch]:
    with orchestrator_on(
        kafka.bootstrap_servers,
        tmp_path_factory.mktemp("contracts"),
        ORCHESTRATOR_GUARANTEE=request.param,
        DECISION_TIMEOUT_SEC=str(TIMEOUT_SECONDS),
    ) as orchestrator:
        worker = orchestrator.start()
        traffic = orchestrator.traffic
        corr_ids = {scenario.name: traffic.corr_id(scenario.name[:80]) for scenario in SCENARIOS}
        for wave in range(3):
            for scenario in SCENARIOS:
                for agent, body in scenario.waves(corr_ids[scenario.name])[wave]:
                    traffic.send(topic_of(agent), body, headers=[("traceparent", traceparent(agent))])
            traffic.later()
            orchestrator.read_so_far()
        orchestrator.outputs.wait_for(DECISION_TOPIC, corr_ids.values())
        orchestrator.settle()
        yield Batch(orchestrator, worker, corr_ids, decided_by_the_core(orchestrator))


def traceparent(agent: str) -> bytes:
    return b"00-4bf92f3577b34da6a3ce929d0e0e4736-%016x-01" % (sum(agent.encode()) + 1)


def decided_by_the_core(orchestrator: Orchestrator) -> OrchestratorTestDriver:
    """The same records with the timestamps and offsets that the broker gave them."""
    driver = OrchestratorTestDriver(
        orchestrator.workflows, partition_count=PARTITIONS, version=orchestrator_version(), start=0
    )
    for record in read_back(orchestrator.broker, orchestrator.inputs):
        driver.advance_to(record.timestamp)
        driver.take(record)
    driver.advance(TIMEOUT_SECONDS + 1)
    return driver


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_each_scenario_is_decided_as_the_contracts_say(batch: Batch, scenario: Scenario) -> None:
    decision = batch.orchestrator.the_decision(batch.corr_ids[scenario.name])
    expected = scenario.expected
    assert decision["action"] == expected.action
    assert decision["reason"] == expected.reason
    assert (decision["route"], decision["execution_topic"]) == (expected.route, expected.order)
    assert decision["completed_by"] == expected.completed_by
    assert tuple(decision["contributing_agents"]) == expected.contributing
    assert tuple(decision["invalid_agents"]) == expected.invalid


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_what_the_worker_sends_is_what_the_core_gives_for_the_same_records(
    batch: Batch, scenario: Scenario
) -> None:
    corr_id = batch.corr_ids[scenario.name].encode()
    by_the_core: dict[str, list[object]] = {}
    for message in batch.driver.messages():
        if message.key == corr_id:
            by_the_core.setdefault(message.topic, []).append(comparable(message))
    by_the_worker = {
        topic: [comparable(received(message)) for message in messages]
        for topic, messages in batch.sent(scenario).items()
    }
    assert by_the_worker == by_the_core


def received(message: LogRecord) -> Message:
    return Message(message.topic, message.key, message.value, tuple(message.headers))


def comparable(message: Message) -> object:
    if message.topic != AUDIT_TOPIC:
        return message.value, message.headers
    assert message.value is not None
    # How far each input had been read depends on how the records came; that it is enough is asserted below.
    return [(k, v) for k, v in json.loads(message.value).items() if k != "read_to"], message.headers


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_every_sink_gets_one_message_of_each_decision_with_its_headers(
    batch: Batch, scenario: Scenario
) -> None:
    sent = {topic: found for topic, found in batch.sent(scenario).items() if not topic.startswith("dlq.")}
    order = {scenario.expected.order} if scenario.expected.order is not None else set()
    assert set(sent) == ALWAYS | order
    outcome = batch.outcome(scenario)
    corr_id = batch.corr_ids[scenario.name]
    for topic, messages in sent.items():
        (message,) = messages
        headers = headers_of(message)
        assert headers.pop("traceparent", None) == last_traceparent(outcome), topic
        assert headers == {
            "corr_id": corr_id,
            "decision_id": outcome.decision_id,
            "schema_version": "1.0.0",
            "source": "orchestrator",
        }
        assert message.partition == batch.orchestrator.traffic.partition(corr_id)
        assert decoded(message)["decision_id"] == outcome.decision_id


def last_traceparent(outcome: Outcome) -> str | None:
    used = [
        *outcome.inputs.used.values(),
        *([outcome.inputs.normalized] if outcome.inputs.normalized else []),
    ]
    if not used:
        return None
    agent = max(used, key=lambda signal: signal.order).agent
    return traceparent("normalized" if agent == NORMALIZED_AGENT else agent).decode()


def test_decisions_have_the_published_form_and_stand_whole_in_their_audit_record(batch: Batch) -> None:
    for scenario in SCENARIOS:
        (decision,), (record,) = batch.sent(scenario)[DECISION_TOPIC], batch.sent(scenario)[AUDIT_TOPIC]
        assert decision.value is not None
        assert record.value is not None
        Decision.model_validate_json(decision.value)
        assert b'"decision":' + decision.value in record.value


def test_the_audit_record_tells_how_far_each_input_was_read(batch: Batch) -> None:
    for scenario in SCENARIOS:
        record = decoded(batch.sent(scenario)[AUDIT_TOPIC][0])
        assert set(record["read_to"]) == set(batch.orchestrator.inputs)
        for place in (*record["input_signals"].values(), record["source_signal"]):
            assert place is None or place["offset"] < record["read_to"][place["topic"]]


def test_the_metrics_count_what_happened(batch: Batch) -> None:
    effects, outcomes = batch.driver.effects, batch.driver.outcomes()
    full = [outcome for outcome in outcomes if outcome.inputs.completed_by == "all_required"]
    expected: Counter[tuple[str, tuple[str, ...]]] = Counter()
    for agent, count in effects.received.items():
        expected["orchestrator_signals_received_total", (agent or "normalized",)] += count
    for outcome in outcomes:
        expected["orchestrator_decisions_made_total", (outcome.action,)] += 1
    for dead in effects.dead_letters:
        expected["orchestrator_dead_letters_total", (dead.topic, dead.reason)] += 1
    expected["orchestrator_correlation_timeout_total", ()] = len(outcomes) - len(full)
    expected["orchestrator_decision_latency_seconds_count", ()] = len(outcomes)
    expected["orchestrator_decision_delay_seconds_count", ()] = len(full)
    expected["orchestrator_active_correlations", ()] = 0
    expected["orchestrator_partitions_assigned", ()] = PARTITIONS

    def counted() -> dict[tuple[str, tuple[str, ...]], float]:
        found = samples(batch.worker)
        return {what: found.get(what, 0) for what in expected} | {
            what: value for what, value in found.items() if what[0] in {name for name, _ in expected}
        }

    # A commit counts only after the broker has confirmed it, so a scrape may be a moment behind the outputs.
    assert eventually(lambda: counted() == expected, 30), counted()


def test_every_metric_of_the_catalogue_is_served(batch: Batch) -> None:
    served = {family.name for family in text_string_to_metric_families(batch.worker.get("/metrics")[1])}
    assert served >= {definition.name.removesuffix("_total") for definition in CATALOGUE}


def test_health_says_what_it_is_about(batch: Batch) -> None:
    status, text = batch.worker.get("/healthz")
    body = json.loads(text)
    assert (status, body["status"], body["service"]) == (200, "ok", "at-orchestrator")
    assert body["checks"] == {"kafka": "ok", "recovery": "ok", "nats": "off"}
    assert body["version"] == orchestrator_version()
    assert body["uptime_seconds"] > TIMEOUT_SECONDS

"""What comes after the outcome: it reopens nothing before the marker ends, and `signals.late` says why it was too late."""

from collections import Counter
from collections.abc import Iterator

import pytest
from confluent_kafka import Producer

from orchestration.canonical import canonical_json
from orchestration.record import LogRecord
from orchestration.timestamps import parse_timestamp
from streams.stack.external import ExternalKafka
from streams.stack.kafka_server import KafkaServer
from streams.topics import AUDIT_TOPIC, DECISION_TOPIC, LATE_TOPIC
from tests.real.broker import QUIET
from tests.real.orchestrator import Orchestrator, orchestrator_on
from tests.real.outputs import decoded, headers_of
from tests.real.signal_sets import NORMALIZED, Json, enriched, normalized, topic_of
from tests.real.worker_metrics import samples
from tests.real.worker_process import Worker, eventually

WRITTEN = 100


@pytest.fixture(scope="module")
def orchestrator(
    kafka: KafkaServer | ExternalKafka, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Orchestrator]:
    with orchestrator_on(kafka.bootstrap_servers, tmp_path_factory.mktemp("late")) as made:
        yield made


@pytest.fixture(scope="module")
def worker(orchestrator: Orchestrator) -> Worker:
    return orchestrator.start()


def late(orchestrator: Orchestrator, corr_id: str) -> list[LogRecord]:
    return orchestrator.outputs.of(LATE_TOPIC, corr_id)


def reasons(messages: list[LogRecord]) -> list[str]:
    return [headers_of(message)["late_reason"] for message in messages]


def send_after(orchestrator: Orchestrator, *signals: tuple[str, Json]) -> str:
    """A decided correlation, and then these: agent and changes to its usual analysis."""
    (corr_id,) = orchestrator.decide("late")
    for agent, changes in signals:
        body = normalized(corr_id, **changes) if agent == NORMALIZED else enriched(agent, corr_id, **changes)
        orchestrator.traffic.send(topic_of(agent), body)
        orchestrator.traffic.later()
    orchestrator.settle()
    return corr_id


@pytest.mark.parametrize(
    ("agent", "changes", "reason"),
    [
        ("sentiment", {}, "after_outcome"),
        ("momentum", {}, "duplicate"),
        ("risk", {"overall_score": 0.79}, "conflict"),
        (NORMALIZED, {}, "duplicate"),
        (NORMALIZED, {"side": "sell"}, "conflict"),
    ],
)
def test_what_comes_after_the_outcome_says_why_it_is_late(
    orchestrator: Orchestrator, worker: Worker, agent: str, changes: Json, reason: str
) -> None:
    corr_id = send_after(orchestrator, (agent, changes))
    (message,) = late(orchestrator, corr_id)
    body = normalized(corr_id, **changes) if agent == NORMALIZED else enriched(agent, corr_id, **changes)
    assert message.value == canonical_json(body)
    headers = headers_of(message)
    assert (headers["late_reason"], headers["corr_id"], headers["source"]) == (
        reason,
        corr_id,
        "orchestrator",
    )
    assert (headers["late_topic"], headers["schema_version"]) == (topic_of(agent), "1.0.0")
    assert len(orchestrator.decisions(corr_id)) == 1


def test_an_invalid_signal_after_the_outcome_is_dead_lettered_only(
    orchestrator: Orchestrator, worker: Worker
) -> None:
    corr_id = send_after(orchestrator, ("risk", {"overall_score": 7}))
    assert late(orchestrator, corr_id) == []
    assert len(orchestrator.outputs.of("dlq.signals.enriched.risk", corr_id)) == 1
    assert len(orchestrator.decisions(corr_id)) == 1


def test_a_signal_with_an_earlier_timestamp_that_is_read_after_the_outcome_is_read_late(
    orchestrator: Orchestrator, worker: Worker, kafka: KafkaServer | ExternalKafka
) -> None:
    """It was in an open transaction: its place in time was there, its content could not be read."""
    corr_id = orchestrator.traffic.corr_id("read-late")
    sender = Producer(QUIET | {"bootstrap.servers": kafka.bootstrap_servers, "transactional.id": corr_id})
    sender.init_transactions(60)
    sender.begin_transaction()
    value = canonical_json(enriched("sentiment", corr_id))
    partition = orchestrator.traffic.partition(corr_id)
    appended: list[int] = []
    sender.produce(
        topic_of("sentiment"),
        value,
        corr_id.encode(),
        partition,
        on_delivery=lambda _, message: appended.append(message.timestamp()[1]),
    )
    assert sender.flush(60) == 0
    orchestrator.traffic.pass_time(appended[0])
    orchestrator.send_complete(corr_id)
    orchestrator.outputs.wait_for(DECISION_TOPIC, [corr_id])
    sender.commit_transaction(60)
    orchestrator.outputs.wait_for(LATE_TOPIC, [corr_id])
    orchestrator.settle()
    (message,) = late(orchestrator, corr_id)
    assert (message.value, reasons([message])) == (value, ["read_late"])
    decision = orchestrator.the_decision(corr_id)
    assert decision["contributing_agents"] == ["correlation", "momentum", "risk"]
    assert appended[0] < parse_timestamp(decision["orchestrated_at"])
    # With this a replay takes the same cut.
    (record,) = orchestrator.outputs.of(AUDIT_TOPIC, corr_id)
    assert decoded(record)["read_to"][topic_of("sentiment")] <= int(headers_of(message)["late_offset"])


def test_at_most_a_hundred_late_signals_of_a_correlation_are_written_and_all_are_counted(
    orchestrator: Orchestrator, worker: Worker
) -> None:
    (corr_id,) = orchestrator.decide("loop")
    before = samples(worker).get(("orchestrator_late_signals_total", ("risk", "conflict")), 0)
    for number in range(WRITTEN + 20):
        orchestrator.traffic.send(topic_of("risk"), {**enriched("risk", corr_id), "number": number})
    orchestrator.settle()
    assert Counter(reasons(late(orchestrator, corr_id))) == {"conflict": WRITTEN}
    assert [decoded(message)["number"] for message in late(orchestrator, corr_id)] == list(range(WRITTEN))

    def counted() -> float:
        return samples(worker)["orchestrator_late_signals_total", ("risk", "conflict")] - before

    assert eventually(lambda: counted() == WRITTEN + 20)
    assert len(orchestrator.decisions(corr_id)) == 1

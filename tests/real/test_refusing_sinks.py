"""A topic that refuses a message for good: the others get theirs, and without the decision or its audit record nothing goes on."""

from collections.abc import Iterator

import pytest

from streams.stack.external import ExternalKafka
from streams.stack.kafka_server import KafkaServer
from streams.topics import AUDIT_TOPIC, DECISION_TOPIC
from tests.real.broker import Broker
from tests.real.conftest import MakeOrchestrator
from tests.real.outputs import decoded, headers_of
from tests.real.worker_metrics import samples

PORTFOLIO = "portfolio.decision"
OTHERS = {DECISION_TOPIC, "risk.monitor.decision", "audit.decision", AUDIT_TOPIC, "execution.order"}
LIMIT = "max.message.bytes"
LOADED = 5
GONE_SECONDS = 7
"""A producer believes for 5 s that a topic which it cannot find is about to come."""


class Limits:
    """Topic limits that a test changes; put back after it."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._before: dict[str, str] = {}

    def set(self, topic: str, limit: int) -> None:
        self._before.setdefault(topic, self._broker.configuration(topic)[LIMIT])
        self._broker.configure(topic, LIMIT, str(limit))

    def restore(self) -> None:
        for topic, limit in self._before.items():
            self._broker.configure(topic, LIMIT, limit)
        self._before.clear()


@pytest.fixture
def limits(kafka: KafkaServer | ExternalKafka) -> Iterator[Limits]:
    made = Limits(Broker(kafka.bootstrap_servers))
    yield made
    made.restore()


@pytest.mark.parametrize("guarantee", ["exactly_once", "at_least_once"])
def test_a_message_that_its_topic_refuses_goes_to_the_dlq_and_the_others_to_theirs(
    make_orchestrator: MakeOrchestrator, limits: Limits, guarantee: str
) -> None:
    orchestrator = make_orchestrator(ORCHESTRATOR_GUARANTEE=guarantee)
    limits.set(PORTFOLIO, 100)
    worker = orchestrator.start()
    corr_ids = orchestrator.decide("refused", "refused-too")
    limits.restore()
    orchestrator.settle()
    (taken,) = orchestrator.decide("taken")
    orchestrator.outputs.wait_for(PORTFOLIO, [taken])
    for corr_id in corr_ids:
        sent = orchestrator.outputs.everything_of(corr_id)
        assert set(sent) == OTHERS | {f"dlq.{PORTFOLIO}"}
        assert {topic: len(found) for topic, found in sent.items()} == dict.fromkeys(sent, 1)
        (dead,) = sent[f"dlq.{PORTFOLIO}"]
        assert decoded(dead)["corr_id"] == corr_id
        headers = headers_of(dead)
        assert headers["decision_id"] == orchestrator.the_decision(corr_id)["decision_id"]
        assert (headers["dlq_reason"], headers["corr_id"]) == ("sink_refused", corr_id)
        assert headers["__connect.errors.topic"] == PORTFOLIO
        assert headers["__connect.errors.exception.class.name"] == "MSG_SIZE_TOO_LARGE"
        (line,) = [line for line in worker.lines() if line.get("corr_id") == corr_id]
        assert line["level"] == "error"
        assert f"{PORTFOLIO} refuses a message for good" in line["message"]
    assert samples(worker)["orchestrator_dead_letters_total", (PORTFOLIO, "sink_refused")] == len(corr_ids)


@pytest.mark.parametrize("guarantee", ["exactly_once", "at_least_once"])
@pytest.mark.parametrize("essential", [DECISION_TOPIC, AUDIT_TOPIC])
def test_the_worker_stops_when_the_decision_or_its_audit_record_is_refused_and_decides_once_it_is_taken(
    make_orchestrator: MakeOrchestrator, limits: Limits, essential: str, guarantee: str
) -> None:
    """The first commit of the partition, too: the changelog has records then that were aborted, and the group no offsets."""
    orchestrator = make_orchestrator(ORCHESTRATOR_GUARANTEE=guarantee)
    limits.set(essential, 100)
    worker = orchestrator.start()
    corr_id = orchestrator.traffic.corr_id("stops")
    orchestrator.send_complete(corr_id)
    assert worker.wait_for_exit() == 1
    assert f"the worker stops: {essential} refuses a record for good: MSG_SIZE_TOO_LARGE" in worker.log
    assert "Traceback" not in worker.log
    limits.restore()
    orchestrator.outputs.drain()
    assert orchestrator.outputs.of(essential, corr_id) == []
    if guarantee == "exactly_once":
        assert orchestrator.outputs.everything_of(corr_id) == {}
    worker.start()
    orchestrator.settle()
    sent = orchestrator.outputs.everything_of(corr_id)
    assert set(sent) == {*OTHERS, PORTFOLIO}
    most = 1 if guarantee == "exactly_once" else 2
    assert {topic: found for topic, found in sent.items() if len(found) > most} == {}
    assert len({headers_of(message)["decision_id"] for found in sent.values() for message in found}) == 1


@pytest.mark.parametrize("guarantee", ["exactly_once", "at_least_once"])
def test_a_topic_that_is_gone_holds_the_others_back_for_seconds_only(
    make_orchestrator: MakeOrchestrator, guarantee: str
) -> None:
    """Its producer had used it, and went on asking for it while the broker refused the transaction as a whole."""
    orchestrator = make_orchestrator(ORCHESTRATOR_GUARANTEE=guarantee)
    worker = orchestrator.start()
    outputs, dead = orchestrator.outputs, f"dlq.{PORTFOLIO}"
    corr_id = orchestrator.traffic.corr_id("before", partition=0)
    orchestrator.send_complete(corr_id)
    outputs.wait_for(PORTFOLIO, [corr_id])
    orchestrator.broker.delete(PORTFOLIO)
    try:
        # The first may still be taken by a log that is about to be removed.
        for _ in range(10):
            corr_id = orchestrator.traffic.corr_id("after", partition=0)
            orchestrator.send_complete(corr_id)
            for topic in OTHERS:
                outputs.wait_for(topic, [corr_id], seconds=LOADED * GONE_SECONDS)
            outputs.read_until(lambda: bool(outputs.of_topic(dead)), seconds=2)
            if outputs.of_topic(dead):
                break
    finally:
        orchestrator.make_topics()
    sent = {topic: len(found) for topic, found in outputs.everything_of(corr_id).items()}
    assert sent == dict.fromkeys([*OTHERS, dead], 1)
    assert worker.alive

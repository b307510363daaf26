"""Deadlines on the broker's time: not early, not late, once, and never before a backlog has been read."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from confluent_kafka import Producer

from orchestration.canonical import canonical_json
from orchestration.timestamps import parse_timestamp
from streams.stack.external import ExternalKafka
from streams.stack.kafka_server import KafkaServer
from streams.topics import DECISION_TOPIC
from tests.real.broker import QUIET
from tests.real.conftest import MakeOrchestrator
from tests.real.orchestrator import PARTITIONS, Orchestrator, orchestrator_on
from tests.real.outputs import headers_of
from tests.real.signal_sets import bodies, enriched, topic_of
from tests.real.worker_metrics import samples

TIMEOUT_SECONDS = 6
PROMISED_MS = 1000
LOADED = 5
CLOCKS = {"right": 0, "an-hour-ahead": 3600, "an-hour-behind": -3600}
SHIFTED_CLOCK = Path(__file__).with_name("shifted_clock")


@pytest.mark.parametrize("clock", CLOCKS)
def test_on_a_quiet_stream_a_deadline_fires_in_time_whatever_the_workers_clock_says(
    make_orchestrator: MakeOrchestrator, clock: str
) -> None:
    orchestrator = make_orchestrator(DECISION_TIMEOUT_SEC=str(TIMEOUT_SECONDS))
    shift = CLOCKS[clock]
    worker = orchestrator.start(PYTHONPATH=str(SHIFTED_CLOCK), SHIFT_CLOCK_SEC=str(shift))
    traffic = orchestrator.traffic
    waiting = [traffic.corr_id("quiet", partition) for partition in range(PARTITIONS)]
    completed = traffic.corr_id("completed")
    for corr_id in (*waiting, completed):
        signals = bodies(corr_id)
        del signals["risk"]
        traffic.send_all(signals)
    orchestrator.settle()
    assert [corr_id for corr_id in (*waiting, completed) if orchestrator.decisions(corr_id)] == []
    traffic.send(topic_of("risk"), enriched("risk", completed))
    traffic.flush()
    orchestrator.outputs.wait_for(DECISION_TOPIC, [*waiting, completed])
    seen_at = traffic.broker_time()
    assert orchestrator.the_decision(completed)["completed_by"] == "all_required"
    # Wall clock minus record time, not below 0: the shift was there.
    delay = samples(worker)["orchestrator_decision_delay_seconds_sum", ()]
    assert delay > 3000 if shift > 0 else delay < 300
    for corr_id in waiting:
        decision = orchestrator.the_decision(corr_id)
        due = parse_timestamp(decision["orchestrated_at"])
        assert (decision["completed_by"], decision["missing_agents"]) == ("deadline", ["risk"])
        assert due < seen_at <= due + LOADED * PROMISED_MS
        (line,) = [line for line in worker.lines() if line.get("corr_id") == corr_id]
        assert (line["level"], line["timeout_duration"]) == ("warning", TIMEOUT_SECONDS)
        assert line["available_agents"] == ["correlation", "momentum"]
        assert line["missing_agents"] == ["risk"]


def test_a_deadline_waits_for_an_open_transaction_that_may_hold_a_signal_in_time(
    make_orchestrator: MakeOrchestrator, kafka: KafkaServer | ExternalKafka
) -> None:
    """Its records have their timestamps already, and nobody can read them yet."""
    orchestrator = make_orchestrator(DECISION_TIMEOUT_SEC="2")
    orchestrator.start()
    traffic = orchestrator.traffic
    held, other = traffic.corr_id("held", 0), traffic.corr_id("other", 1)
    sender = Producer(QUIET | {"bootstrap.servers": kafka.bootstrap_servers, "transactional.id": held})
    sender.init_transactions(60)
    for corr_id in (held, other):
        signals = bodies(corr_id)
        del signals["risk"]
        traffic.send_all(signals)
    traffic.flush()
    sender.begin_transaction()
    sender.produce(topic_of("risk"), canonical_json(enriched("risk", held)), held.encode(), 0)
    assert sender.flush(60) == 0
    # The other partition shows that deadlines fire.
    orchestrator.outputs.wait_for(DECISION_TOPIC, [other])
    traffic.pass_time(traffic.latest + 2 * 2000)
    orchestrator.outputs.drain()
    assert orchestrator.decisions(held) == []
    sender.commit_transaction(60)
    orchestrator.outputs.wait_for(DECISION_TOPIC, [held])
    assert orchestrator.the_decision(held)["completed_by"] == "all_required"
    assert orchestrator.the_decision(other)["completed_by"] == "deadline"


# Below, one outage is looked at by several tests; its workers run until the last of them is done.


@dataclass
class Outage:
    """A worker was killed with two of three signals of each of these read, and came back after their deadlines."""

    orchestrator: Orchestrator
    in_time: str
    too_late: str
    never: str


@pytest.fixture(scope="module", params=["exactly_once", "at_least_once"])
def outage(
    request: pytest.FixtureRequest,
    kafka: KafkaServer | ExternalKafka,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Outage]:
    with orchestrator_on(
        kafka.bootstrap_servers,
        tmp_path_factory.mktemp("outage"),
        ORCHESTRATOR_GUARANTEE=request.param,
        DECISION_TIMEOUT_SEC=str(TIMEOUT_SECONDS),
    ) as orchestrator:
        worker = orchestrator.start()
        traffic = orchestrator.traffic
        # On one partition: what was in time and what was not wait in the same backlog.
        in_time, too_late, never = (traffic.corr_id(name, 0) for name in ("in-time", "too-late", "never"))
        for corr_id in (in_time, too_late, never):
            signals = bodies(corr_id)
            del signals["risk"]
            traffic.send_all(signals)
        orchestrator.settle()
        worker.kill()
        traffic.send(topic_of("risk"), enriched("risk", in_time))
        traffic.flush()
        traffic.pass_time(traffic.latest + TIMEOUT_SECONDS * 1000)
        traffic.send(topic_of("risk"), enriched("risk", too_late))
        traffic.flush()
        worker.start()
        orchestrator.outputs.wait_for(DECISION_TOPIC, [in_time, too_late, never])
        orchestrator.settle()
        yield Outage(orchestrator, in_time, too_late, never)


def test_after_an_outage_a_signal_that_was_in_time_still_counts(outage: Outage) -> None:
    decision = outage.orchestrator.the_decision(outage.in_time)
    assert (decision["completed_by"], decision["partial_data"]) == ("all_required", False)
    assert outage.orchestrator.outputs.of("signals.late", outage.in_time) == []


def test_after_an_outage_a_signal_that_was_too_late_finds_the_correlation_timed_out(outage: Outage) -> None:
    decision = outage.orchestrator.the_decision(outage.too_late)
    assert (decision["completed_by"], decision["missing_agents"]) == ("deadline", ["risk"])
    (late,) = outage.orchestrator.outputs.of("signals.late", outage.too_late)
    assert headers_of(late)["late_reason"] == "after_deadline"
    assert late.value == canonical_json(enriched("risk", outage.too_late))


def test_a_deadline_that_was_pending_at_a_kill_fires_once(outage: Outage) -> None:
    decision = outage.orchestrator.the_decision(outage.never)
    assert (decision["completed_by"], decision["missing_agents"]) == ("deadline", ["risk"])

"""Starting: what is refused says what is wrong and what to do; what is only doubtful is warned of; a broker is waited for."""

import json
import shutil
from pathlib import Path

import pytest

from config.orchestrator_settings import SHIPPED_WORKFLOWS
from streams.stack.kafka_server import KafkaServer
from tests.real.broker import Broker
from tests.real.conftest import MakeOrchestrator
from tests.real.orchestrator import PARTITIONS, Orchestrator, orchestrator_on
from tests.real.signal_sets import bodies, enriched, topic_of
from tests.real.worker_process import Worker, eventually

REFUSED = 1
STOP_SECONDS = 30


def refusal(worker: Worker) -> str:
    """The log of a worker that refuses to start, and says so in words instead of a stack trace."""
    worker.launch()
    assert worker.wait_for_exit() == REFUSED, worker.log
    assert "Traceback" not in worker.log
    return worker.log


def workflows_with(tmp_path: Path, agent: str) -> str:
    """The shipped file with one more optional agent, so that there is one more input topic."""
    path = tmp_path / f"workflows-{agent}.yaml"
    path.write_text(
        SHIPPED_WORKFLOWS.read_text().replace("[sentiment, macro]", f"[sentiment, macro, {agent}]")
    )
    return str(path)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("DECISION_TIMEOUT_SEC", "soon", "DECISION_TIMEOUT_SEC: got 'soon', expected a number"),
        (
            "ORCHESTRATOR_GUARANTEE",
            "at_most_once",
            "ORCHESTRATOR_GUARANTEE: got 'at_most_once', expected one of",
        ),
    ],
)
def test_a_wrong_value_stops_the_start_with_the_variables_name(
    tmp_path: Path, name: str, value: str, expected: str
) -> None:
    worker = Worker(tmp_path / "data", tmp_path / "log", {name: value})
    try:
        assert expected in refusal(worker)
    finally:
        worker.close()


def test_a_bad_workflows_file_stops_the_start_with_file_line_and_field(tmp_path: Path) -> None:
    path = tmp_path / "workflows.yaml"
    path.write_text(SHIPPED_WORKFLOWS.read_text().replace("min_agents: 2", "min_agents: 9"))
    line = path.read_text().splitlines().index("  min_agents: 9") + 1
    worker = Worker(tmp_path / "data", tmp_path / "log", {"ORCHESTRATOR_WORKFLOWS": str(path)})
    try:
        log = refusal(worker)
        assert f"{path}:{line}:" in log
        assert "min_agents: got '9', expected at most 5, the number of agents" in log
    finally:
        worker.close()


def test_an_input_with_another_partition_count_is_refused(
    make_orchestrator: MakeOrchestrator, tmp_path: Path
) -> None:
    orchestrator = make_orchestrator()
    orchestrator.broker.create("signals.enriched.threefold", 3)
    log = refusal(orchestrator.worker(ORCHESTRATOR_WORKFLOWS=workflows_with(tmp_path, "threefold")))
    assert f"signals.enriched.threefold has 3 partitions, expected {PARTITIONS}" in log
    assert "signals.enriched.risk has" not in log


def test_missing_topics_are_refused_where_none_may_be_made(
    make_orchestrator: MakeOrchestrator, tmp_path: Path
) -> None:
    orchestrator = make_orchestrator(ORCHESTRATOR_CREATE_TOPICS="false")
    log = refusal(orchestrator.worker(ORCHESTRATOR_WORKFLOWS=workflows_with(tmp_path, "absent")))
    assert "signals.enriched.absent does not exist, and ORCHESTRATOR_CREATE_TOPICS is off" in log
    assert "dlq.signals.enriched.absent does not exist" in log
    described = orchestrator.broker.admin.list_topics(timeout=60).topics
    assert "signals.enriched.absent" not in described


def test_an_input_on_producers_clocks_is_warned_of(
    make_orchestrator: MakeOrchestrator, tmp_path: Path
) -> None:
    orchestrator = make_orchestrator()
    orchestrator.broker.create("signals.enriched.clockless", PARTITIONS, retention_ms="1000")
    worker = orchestrator.start(ORCHESTRATOR_WORKFLOWS=workflows_with(tmp_path, "clockless"))
    warnings = [line["message"] for line in worker.lines() if line["level"] == "warning"]
    topic = "topics: signals.enriched.clockless: "
    assert (
        topic + "message.timestamp.type is CreateTime, expected LogAppendTime (producers' clocks count then)"
        in warnings
    )
    assert topic + "retention.ms is 1000, expected 604800000" in warnings
    assert not [text for text in warnings if text.startswith("topics: signals.enriched.risk")]
    orchestrator.decide("warned")


def gone_group(orchestrator: Orchestrator, worker: Worker) -> str:
    """A correlation with two of three signals in the state; the third came after the worker stopped; no offsets any more."""
    signals = bodies(corr_id := orchestrator.traffic.corr_id("gone"))
    last = signals.pop("risk")
    orchestrator.traffic.send_all(signals)
    orchestrator.settle()
    assert worker.stop() == 0
    orchestrator.traffic.send(topic_of("risk"), last)
    orchestrator.traffic.flush()
    orchestrator.broker.forget_group(orchestrator.app_id)
    return corr_id


def test_vanished_offsets_are_refused_while_there_is_state_unless_it_is_said_where_to_begin(
    make_orchestrator: MakeOrchestrator,
) -> None:
    orchestrator = make_orchestrator()
    worker = orchestrator.start()
    (decided,) = orchestrator.decide("decided")
    corr_id = gone_group(orchestrator, worker)
    log = refusal(worker)
    assert "the consumer group has no committed offsets" in log
    assert "ORCHESTRATOR_START=earliest" in log
    assert "ORCHESTRATOR_START=latest" in log

    worker.start(ORCHESTRATOR_START="earliest")
    skipped = gone_group(orchestrator, worker)
    # Everything was read again: what was missing counts, and what was decided is known.
    assert orchestrator.the_decision(corr_id)["completed_by"] == "all_required"
    orchestrator.the_decision(decided)
    assert orchestrator.outputs.of("signals.late", decided) == []

    worker.start(ORCHESTRATOR_START="latest")
    orchestrator.settle()
    assert orchestrator.decisions(skipped) == []
    orchestrator.traffic.send(topic_of("risk"), enriched("risk", skipped))
    orchestrator.settle()
    assert orchestrator.the_decision(skipped)["completed_by"] == "all_required"


@pytest.mark.parametrize("disk", ["kept", "lost"])
@pytest.mark.parametrize("how", ["made-anew", "records-deleted"])
def test_a_changelog_that_lost_what_was_in_it_is_refused(
    make_orchestrator: MakeOrchestrator, how: str, disk: str
) -> None:
    orchestrator = make_orchestrator()
    worker = orchestrator.start()
    orchestrator.decide("before")
    assert worker.stop() == 0
    if how == "made-anew":
        orchestrator.broker.delete(orchestrator.changelog)
    else:
        orchestrator.broker.configure(orchestrator.changelog, "cleanup.policy", "delete")
        orchestrator.broker.empty([orchestrator.changelog])
        orchestrator.broker.configure(orchestrator.changelog, "cleanup.policy", "compact")
    if disk == "lost":
        shutil.rmtree(worker.data)
    log = refusal(worker)
    assert orchestrator.changelog in log
    assert "set ORCHESTRATOR_START=latest to go on with" in log
    shutil.rmtree(worker.data)
    worker.start(ORCHESTRATOR_START="latest")
    orchestrator.decide("afterwards")


def test_offsets_past_the_end_of_an_input_are_refused(make_orchestrator: MakeOrchestrator) -> None:
    """A broker that lost its newest records: what comes next would be skipped in silence."""
    orchestrator = make_orchestrator()
    worker = orchestrator.start()
    orchestrator.settle()
    assert worker.stop() == 0
    place, offset = next(iter(sorted(orchestrator.committed_offsets().items())))
    orchestrator.broker.set_group_offset(orchestrator.app_id, place, offset + 1000)
    log = refusal(worker)
    assert (
        f"the group has read {place[0]}[{place[1]}] to offset {offset + 1000}, but the topic ends at" in log
    )


def test_a_worker_waits_for_its_broker_says_so_and_makes_the_topics_once_it_is_there(
    fresh_kafka: KafkaServer, tmp_path: Path
) -> None:
    fresh_kafka.stop()
    environment = {
        "KAFKA_BOOTSTRAP_SERVERS": fresh_kafka.bootstrap_servers,
        "ORCHESTRATOR_APP_ID": "early",
        "ORCHESTRATOR_PARTITIONS": str(PARTITIONS),
    }
    worker = Worker(tmp_path / "data", tmp_path / "log", environment)
    try:
        worker.launch()
        assert eventually(lambda: worker.health() == 503)
        body = json.loads(worker.get("/healthz")[1])
        assert (body["status"], body["checks"]["kafka"]) == ("unavailable", "unreachable")
        assert eventually(lambda: worker.logged("Kafka does not answer at " + fresh_kafka.bootstrap_servers))
        fresh_kafka.start()
        worker.wait_until_ready()
        assert made_topics(Broker(fresh_kafka.bootstrap_servers)) == CONTRACTED
        with orchestrator_on(
            fresh_kafka.bootstrap_servers, tmp_path, ORCHESTRATOR_APP_ID="early"
        ) as orchestrator:
            orchestrator.decide("first")
        assert worker.stop() == 0
    finally:
        worker.close()


def test_a_worker_that_waits_for_its_broker_can_be_told_to_stop(
    fresh_kafka: KafkaServer, tmp_path: Path
) -> None:
    fresh_kafka.stop()
    address = {"KAFKA_BOOTSTRAP_SERVERS": fresh_kafka.bootstrap_servers}
    worker = Worker(tmp_path / "data", tmp_path / "log", address)
    try:
        worker.launch()
        assert eventually(lambda: worker.health() == 503)
        assert worker.stop(STOP_SECONDS) == 0
    finally:
        worker.close()


_DAY = 24 * 3600 * 1000
_MIB = 1024 * 1024
_INPUTS = [
    "signals.normalized",
    *(topic_of(a) for a in ("correlation", "macro", "momentum", "risk", "sentiment")),
]
_ORDERS = ["execution.order", "execution.crypto.high_risk", "execution.forex.momentum"]
_SINKS = ["orchestrated.decision", "risk.monitor.decision", "audit.decision", "portfolio.decision", *_ORDERS]
_AUDIT = "audit.orchestration.decision"
CONTRACTED = {
    **dict.fromkeys(_INPUTS, ("delete", 7 * _DAY, 2 * _MIB, "LogAppendTime")),
    **dict.fromkeys(_SINKS, ("delete", 30 * _DAY, 8 * _MIB, "CreateTime")),
    _AUDIT: ("delete", 365 * _DAY, 8 * _MIB, "CreateTime"),
    "signals.late": ("delete", 7 * _DAY, 8 * _MIB, "CreateTime"),
    **{
        f"dlq.{t}": ("delete", 30 * _DAY, 8 * _MIB, "CreateTime")
        for t in (*_INPUTS, *_SINKS, _AUDIT, "signals.late")
    },
    "orchestrator.tick": ("delete", 3600 * 1000, 2 * _MIB, "LogAppendTime"),
    "early-correlations-changelog": ("compact", 7 * _DAY, 8 * _MIB, "CreateTime"),
}
"""Cleanup, retention (of deletions, where it is compacted), largest record in whole MiB, whose clock (contracts §2)."""


def made_topics(broker: Broker) -> dict[str, tuple[str, int, int, str]]:
    made = {}
    for name, topic in broker.admin.list_topics(timeout=60).topics.items():
        if name.startswith("__"):
            continue
        assert len(topic.partitions) == PARTITIONS, name
        found = broker.configuration(name)
        kept = "delete.retention.ms" if found["cleanup.policy"] == "compact" else "retention.ms"
        largest = int(found["max.message.bytes"]) // _MIB * _MIB
        made[name] = (found["cleanup.policy"], int(found[kept]), largest, found["message.timestamp.type"])
    return made

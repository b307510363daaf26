"""Record, replay and parity against a real Kafka: by offsets and times, and of a live run with kills in it."""

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from confluent_kafka import Producer
from confluent_kafka.admin import OffsetSpec

from agents.cli.main import main
from orchestration.canonical import canonical_json
from orchestration.record import LogRecord
from orchestration.timestamps import format_timestamp
from streams.recordings.files import Files
from streams.topics import DECISION_TOPIC
from tests.pure.replaying import none_bad
from tests.real.broker import QUIET
from tests.real.conftest import MakeOrchestrator
from tests.real.orchestrator import PARTITIONS, Orchestrator
from tests.real.outputs import read_back
from tests.real.signal_sets import bodies, enriched, topic_of

IN_A_ROUND = 15


def command(orchestrator: Orchestrator, *arguments: object, **environment: str) -> Result:
    environment = {
        "KAFKA_BOOTSTRAP_SERVERS": orchestrator.broker.bootstrap_servers,
        "ORCHESTRATOR_APP_ID": orchestrator.app_id,
        "ORCHESTRATOR_PARTITIONS": str(PARTITIONS),
        **environment,
    }
    done = CliRunner().invoke(main, [str(argument) for argument in arguments], env=environment)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def records_of(path: Path) -> list[LogRecord]:
    with closing(Files([path], none_bad)) as files:
        return [one.record for one in files.records()]


def summary(done: Result) -> dict[str, Any]:
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_live_run_with_kills_in_it_replays_with_no_difference(
    make_orchestrator: MakeOrchestrator, tmp_path: Path
) -> None:
    """Deadlines, optional agents that race the outcome, repeats and late signals, two kills; then what was tampered with."""
    orchestrator = make_orchestrator(DECISION_TIMEOUT_SEC="2")
    timeout = {"DECISION_TIMEOUT_SEC": "2"}
    traffic = orchestrator.traffic
    # Decisions of earlier tests stand on the same topics; their inputs are gone.
    begin = ("--from", format_timestamp(traffic.broker_time() + 1))
    worker = orchestrator.start()
    complete: list[str] = []
    incomplete: list[str] = []
    for round_number in range(3):
        for number in range(IN_A_ROUND):
            corr_id = traffic.corr_id(f"parity-{round_number}-{number}")
            if number % 5 == 4:
                incomplete.append(corr_id)
                traffic.send(topic_of("momentum"), enriched("momentum", corr_id))
            else:
                complete.append(corr_id)
                # All at once: which of them is read first is nobody's business but the audit record's.
                traffic.send_all(bodies(corr_id, "momentum", "risk", "correlation", "sentiment", "macro"))
                traffic.send(topic_of("macro"), enriched("macro", corr_id, confidence=0.1))
        traffic.flush()
        if round_number < 2:
            worker.kill()
            worker.start()
    decided = orchestrator.outputs.wait_for(DECISION_TOPIC, complete + incomplete)
    for corr_id in complete[:10]:
        traffic.send(topic_of("risk"), enriched("risk", corr_id, overall_score=0.9))
    orchestrator.settle()

    verified = summary(
        command(orchestrator, "replay", *begin, "--verify-against", DECISION_TOPIC, "--json", **timeout)
    )
    assert verified["differences"] == []
    assert (verified["equal"], verified["different"]) == (len(decided), 0)
    assert verified["live_digest"] == verified["replay_digest"]
    assert verified["outside_of_range"] == 0

    # The same from a recording, without a broker.
    file = tmp_path / "all.jsonl.zst"
    assert command(orchestrator, "record", file, *begin, "--with-decisions").exit_code == 0
    offline = command(
        orchestrator, "replay", file, "--verify-against", DECISION_TOPIC, "--json",
        KAFKA_BOOTSTRAP_SERVERS="localhost:1", **timeout,
    )  # fmt: skip
    assert summary(offline)["equal"] >= len(decided)
    assert summary(offline)["different"] == 0

    # Other rules: the differences name corr_id and field, and the status says so.
    other = command(
        orchestrator, "replay", *begin, "--verify-against", DECISION_TOPIC, "--json", DECISION_TIMEOUT_SEC="2",
        MIN_AGENTS_REQUIRED="3",
    )  # fmt: skip
    assert other.exit_code == 1
    differences = json.loads(other.stdout)["differences"]
    assert {one["corr_id"] for one in differences} <= set(complete + incomplete)
    assert any(field["field"] == "workflow_digest" for field in differences[0]["fields"])

    # A decision that nobody made.
    forged = json.loads(orchestrator.outputs.of(DECISION_TOPIC, complete[0])[0].value or b"")
    forged["corr_id"] = traffic.corr_id("forged")
    _produce(orchestrator, DECISION_TOPIC, forged)
    found = command(orchestrator, "replay", *begin, "--verify-against", DECISION_TOPIC, **timeout)
    assert found.exit_code == 1
    assert f"{forged['corr_id']}: a decision without an audit record" in found.stdout

    # What one correlation went through, by its partition of every topic.
    steps = command(orchestrator, "trace", complete[0])
    assert steps.exit_code == 0, steps.output
    for topic in (
        "signals.normalized",
        "signals.enriched.risk",
        DECISION_TOPIC,
        "audit.orchestration.decision",
        "signals.late",
    ):
        assert f" {topic}[" in steps.stdout
    late = command(orchestrator, "trace", complete[0], "--since", format_timestamp(traffic.broker_time() + 1))
    assert late.exit_code == 1


def _produce(orchestrator: Orchestrator, topic: str, value: dict[str, Any]) -> None:
    producer = Producer(QUIET | {"bootstrap.servers": orchestrator.broker.bootstrap_servers})
    producer.produce(topic, canonical_json(value), value["corr_id"].encode())
    assert producer.flush(60) == 0


@pytest.fixture
def sent(make_orchestrator: MakeOrchestrator) -> tuple[Orchestrator, list[str], int]:
    """Six correlations, three of them before a time; nobody decides."""
    orchestrator = make_orchestrator()
    corr_ids = [orchestrator.traffic.corr_id("recorded") for _ in range(6)]
    orchestrator.send_complete(*corr_ids[:3])
    orchestrator.traffic.later()
    between = orchestrator.traffic.latest + 1
    orchestrator.send_complete(*corr_ids[3:])
    return orchestrator, corr_ids, between


def decided(file: Path) -> set[str]:
    return {json.loads(line)["corr_id"] for line in file.read_bytes().splitlines()}


def test_a_range_is_recorded_and_replayed_by_times_and_by_offsets(
    sent: tuple[Orchestrator, list[str], int], tmp_path: Path
) -> None:
    orchestrator, corr_ids, between = sent
    groups = set(orchestrator.broker.admin.list_consumer_groups().result().valid)
    times = {
        "all": ((), corr_ids),
        "early": (("--to", format_timestamp(between)), corr_ids[:3]),
        "late": (("--from", format_timestamp(between)), corr_ids[3:]),
    }
    for name, (options, expected) in times.items():
        file, from_file, from_kafka = (tmp_path / f"{name}.{kind}" for kind in ("jsonl.gz", "a", "b"))
        recorded = command(orchestrator, "record", file, *options)
        assert recorded.exit_code == 0, recorded.output
        first = summary(command(orchestrator, "replay", file, "--output", from_file, "--json"))
        second = summary(command(orchestrator, "replay", *options, "--output", from_kafka, "--json"))
        assert first["digest"] == second["digest"]
        assert decided(from_file) == decided(from_kafka) == set(expected)
        assert from_file.read_bytes() == from_kafka.read_bytes()
    # By offsets: the beginning of one agent's topic alone.
    topic = topic_of("risk")
    begin = orchestrator.broker.offsets([(topic, 0)], OffsetSpec.earliest())
    offset = begin[topic, 0]
    part = tmp_path / "part.jsonl"
    done = command(
        orchestrator, "record", part, "--topic", topic, "--offsets", f"{topic}:0:{offset}-{offset + 1}"
    )
    assert done.exit_code == 0, done.output
    places = [(one.topic, one.partition, one.offset) for one in records_of(part)]
    held = [record for record in read_back(orchestrator.broker, [topic]) if record.partition == 0]
    assert places == ([(topic, 0, offset)] if held else [])
    # Nothing was committed, no group was left behind.
    assert len(orchestrator.broker.admin.list_consumer_groups().result().valid) == len(groups)


def test_a_recording_goes_back_to_topics_and_outcomes_to_topics_of_a_prefix(
    sent: tuple[Orchestrator, list[str], int], tmp_path: Path
) -> None:
    orchestrator, corr_ids, _ = sent
    file, again = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    assert command(orchestrator, "record", file).exit_code == 0
    prefix = f"{orchestrator.app_id}."
    topics = sorted({one.topic for one in records_of(file)})
    for topic in topics:
        orchestrator.broker.create(prefix + topic, PARTITIONS, message_timestamp_type="CreateTime")
    produced = command(orchestrator, "produce", file, "--prefix", prefix)
    assert produced.exit_code == 0, produced.output
    options = [part for topic in topics for part in ("--topic", prefix + topic)]
    assert command(orchestrator, "record", again, *options).exit_code == 0

    def contents(path: Path) -> list[Any]:
        return sorted(
            (r.topic.removeprefix(prefix), r.partition, r.timestamp, r.key, r.value, tuple(r.headers))
            for r in records_of(path)
        )

    assert contents(again) == contents(file)

    refused = command(orchestrator, "replay", "--output-topics", "dlq.")
    assert refused.exit_code == 2
    assert "never writes to the live topic dlq." in refused.stderr
    for topic in (DECISION_TOPIC, "audit.orchestration.decision", "risk.monitor.decision", "audit.decision",
                  "portfolio.decision", "execution.order"):  # fmt: skip
        orchestrator.broker.create(prefix + topic, 1)
    done = command(orchestrator, "replay", "--output-topics", prefix)
    assert done.exit_code == 0, done.output
    written = read_back(orchestrator.broker, [prefix + DECISION_TOPIC])
    assert {record.key for record in written} == {corr_id.encode() for corr_id in corr_ids}


def test_a_broker_that_is_away_is_named(sent: tuple[Orchestrator, list[str], int]) -> None:
    done = command(sent[0], "replay", KAFKA_BOOTSTRAP_SERVERS="localhost:1")
    assert done.exit_code == 2
    assert "Kafka does not answer at localhost:1 (KAFKA_BOOTSTRAP_SERVERS)" in done.stderr

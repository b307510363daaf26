"""What cannot be taken is dead-lettered as it came, with the reason; what comes next in the same batch is decided."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from orchestration.canonical import canonical_json
from orchestration.record import LogRecord
from streams.stack.external import ExternalKafka
from streams.stack.kafka_server import KafkaServer
from tests.real.bad_inputs import BAD_INPUTS, NONE, OTHER, Bad
from tests.real.orchestrator import PARTITIONS, Orchestrator, orchestrator_on
from tests.real.outputs import decoded, headers_of
from tests.real.signal_sets import NORMALIZED, bodies, enriched, topic_of
from tests.real.worker_process import Worker

BOMB_BYTES = 8 * 1024 * 1024
INVALID = [bad for bad in BAD_INPUTS if bad.keeps_open]
NOT_OPENED = [bad for bad in BAD_INPUTS if not bad.keeps_open]


@dataclass
class Sent:
    """One batch: each bad record, behind it a good correlation on the same partition. corr_ids by the bad one's name."""

    orchestrator: Orchestrator
    worker: Worker
    bad: dict[str, str]
    good: dict[str, str]
    dead_letters: dict[str, LogRecord]

    def key_of(self, bad: Bad) -> bytes | None:
        return {NONE: None, OTHER: b"somebody-else"}.get(bad.key, self.bad[bad.name].encode())


@pytest.fixture(scope="module")
def sent(kafka: KafkaServer | ExternalKafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sent]:
    with orchestrator_on(kafka.bootstrap_servers, tmp_path_factory.mktemp("bad")) as orchestrator:
        made = Sent(orchestrator, orchestrator.start(), {}, {}, {})
        traffic = orchestrator.traffic
        for bad in BAD_INPUTS:
            corr_id = made.bad[bad.name] = traffic.corr_id(bad.name)
            partition = (traffic.partition(corr_id) + bad.misplaced) % PARTITIONS
            value, key = bad.value(corr_id), made.key_of(bad)
            traffic.send(
                bad.topic, value, key=key, partition=partition, headers=[("case", bad.name.encode())]
            )
            good = made.good[bad.name] = traffic.corr_id(f"after-{bad.name}", partition)
            traffic.send_all(bodies(good))
        traffic.later()
        for bad in INVALID:
            # The other agents of its correlation: with them all have reported.
            others = bodies(made.bad[bad.name])
            del others[bad.agent]
            traffic.send_all(others)
        orchestrator.settle()
        for topic in {f"dlq.{topic}" for topic in orchestrator.inputs}:
            for message in orchestrator.outputs.of_topic(topic):
                name = headers_of(message)["case"]
                assert name not in made.dead_letters
                made.dead_letters[name] = message
        yield made


@pytest.mark.parametrize("bad", BAD_INPUTS, ids=lambda bad: bad.name)
def test_a_bad_record_is_dead_lettered_as_it_came_with_the_reason(sent: Sent, bad: Bad) -> None:
    message = sent.dead_letters[bad.name]
    assert message.topic == f"dlq.{bad.topic}"
    assert (message.key, message.value) == (sent.key_of(bad), bad.value(sent.bad[bad.name]))
    headers = headers_of(message)
    assert headers["dlq_reason"] == bad.reason
    assert headers["__connect.errors.exception.message"].startswith(bad.message)
    assert headers["__connect.errors.topic"] == bad.topic
    assert headers["__connect.errors.stage"] in {"VALUE_CONVERTER", "KEY_CONVERTER", "TRANSFORMATION"}
    assert headers["__connect.errors.exception.class.name"]
    assert headers["source"] == "orchestrator"
    partition = (sent.orchestrator.traffic.partition(sent.bad[bad.name]) + bad.misplaced) % PARTITIONS
    assert headers["__connect.errors.partition"] == str(partition)
    assert headers["__connect.errors.offset"].isdigit()


@pytest.mark.parametrize("bad", BAD_INPUTS, ids=lambda bad: bad.name)
def test_the_correlation_behind_a_bad_record_is_decided(sent: Sent, bad: Bad) -> None:
    assert sent.orchestrator.the_decision(sent.good[bad.name])["action"] == "trade"


@pytest.mark.parametrize("bad", INVALID, ids=lambda bad: bad.name)
def test_an_agent_that_sent_something_invalid_has_reported_and_its_error_is_told(
    sent: Sent, bad: Bad
) -> None:
    decision = sent.orchestrator.the_decision(sent.bad[bad.name])
    error = decision["invalid_agents"][bad.agent]
    assert (decision["completed_by"], error["type"]) == ("all_required", "validation_error")
    assert error["message"] == headers_of(sent.dead_letters[bad.name])["__connect.errors.exception.message"]
    assert bad.agent not in decision["contributing_agents"]


@pytest.mark.parametrize("bad", INVALID, ids=lambda bad: bad.name)
def test_an_error_is_logged_with_agent_error_and_corr_id(sent: Sent, bad: Bad) -> None:
    corr_id = sent.bad[bad.name]
    (line,) = [
        line for line in sent.worker.lines() if line.get("corr_id") == corr_id and line["level"] == "error"
    ]
    message = headers_of(sent.dead_letters[bad.name])["__connect.errors.exception.message"]
    assert (line["agent"], line["error"]) == (bad.agent, message)


def test_what_is_not_taken_opens_nothing(sent: Sent) -> None:
    rows = sent.orchestrator.rows()
    for bad in NOT_OPENED:
        assert sent.bad[bad.name].encode() not in rows, bad.name
        assert sent.orchestrator.decisions(sent.bad[bad.name]) == []
    assert sent.good["not-json"].encode() in rows


def test_a_small_record_that_unpacks_to_eight_mebibytes_is_dead_lettered_without_its_value(
    sent: Sent,
) -> None:
    traffic = sent.orchestrator.traffic
    corr_id = traffic.corr_id("bomb")
    traffic.send(topic_of("risk"), b"0" * BOMB_BYTES, key=corr_id.encode())
    sent.orchestrator.settle()
    (message,) = sent.orchestrator.outputs.of("dlq.signals.enriched.risk", corr_id)
    headers = headers_of(message)
    assert (message.value, headers["dlq_value_bytes"]) == (None, str(BOMB_BYTES))
    assert headers["dlq_reason"] == "too_large"


def test_a_correlation_that_would_grow_past_four_mebibytes_dead_letters_what_is_too_much(sent: Sent) -> None:
    traffic = sent.orchestrator.traffic
    signals = bodies(corr_id := traffic.corr_id("grows"))
    last = signals.pop("risk")
    for number in range(5):
        padded = {**enriched("momentum", corr_id), "number": number, "padding": "x" * 1_000_000}
        traffic.send(topic_of("momentum"), padded)
    traffic.send(topic_of(NORMALIZED), signals[NORMALIZED])
    traffic.send(topic_of("correlation"), signals["correlation"])
    traffic.later()
    traffic.send(topic_of("risk"), last)
    sent.orchestrator.settle()
    outputs = sent.orchestrator.outputs
    refused = outputs.of("dlq.signals.enriched.momentum", corr_id)
    assert [headers_of(message)["dlq_reason"] for message in refused] == ["correlation_too_large"]
    assert decoded(refused[0])["number"] == 4
    (record,) = outputs.of("audit.orchestration.decision", corr_id)
    audit = decoded(record)
    assert audit["superseded"]["momentum"]["conflict"]["count"] == 3
    assert audit["decision"]["action"] == "trade"


def test_the_senders_own_headers_are_kept_and_cannot_pass_for_ours(sent: Sent) -> None:
    traffic = sent.orchestrator.traffic
    corr_id = traffic.corr_id("headers")
    forged = [
        ("dlq_reason", b"nothing"),
        ("__connect.errors.stage", b"x"),
        ("source", b"me"),
        ("mine", b"kept"),
    ]
    traffic.send(
        topic_of("risk"), canonical_json({"corr_id": corr_id}), key=None, partition=0, headers=forged
    )
    sent.orchestrator.settle()
    (message,) = [
        message
        for message in sent.orchestrator.outputs.of_topic("dlq.signals.enriched.risk")
        if ("corr_id", corr_id.encode()) in message.headers
    ]
    names = [name for name, _ in message.headers]
    assert len(names) == len(set(names))
    assert headers_of(message) | {"mine": "kept", "source": "orchestrator"} == headers_of(message)
    assert headers_of(message)["dlq_reason"] == "wrong_key"

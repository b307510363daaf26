"""A worker that comes back with another workflows file."""

from pathlib import Path

import pytest

from config.orchestrator_settings import SHIPPED_WORKFLOWS
from streams.topics import DECISION_TOPIC
from tests.real.conftest import MakeOrchestrator
from tests.real.signal_sets import bodies, enriched, topic_of
from tests.real.worker_process import eventually

FX = SHIPPED_WORKFLOWS.with_name("examples") / "workflows-fx.yaml"


def test_open_correlations_are_decided_by_the_file_that_a_worker_comes_back_with(
    make_orchestrator: MakeOrchestrator, tmp_path: Path
) -> None:
    orchestrator = make_orchestrator()
    worker = orchestrator.start()
    signals = bodies(corr_id := orchestrator.traffic.corr_id("eurusd"), "momentum", "risk")
    orchestrator.traffic.send_in_order(signals)
    orchestrator.settle()
    assert orchestrator.decisions(corr_id) == []
    assert worker.stop() == 0
    # Under this file nothing is missing, and no record will come to say so.
    worker.start(ORCHESTRATOR_WORKFLOWS=str(FX))
    orchestrator.outputs.wait_for(DECISION_TOPIC, [corr_id])
    orchestrator.settle()
    decision = orchestrator.the_decision(corr_id)
    assert (decision["workflow"], decision["completed_by"]) == ("fx", "all_required")


@pytest.mark.parametrize("unread", [False, True], ids=["opened before", "not read before"])
def test_a_newly_named_agent_counts_for_what_is_undecided_and_opens_nothing_again(
    make_orchestrator: MakeOrchestrator, tmp_path: Path, unread: bool
) -> None:
    """It has published all the time; the marker of what was decided long ago is gone."""
    orchestrator = make_orchestrator(IDEMPOTENCY_TTL_SEC="1")
    news = f"news_{orchestrator.app_id.replace('-', '_')}"
    orchestrator.broker.create(topic_of(news), 4, message_timestamp_type="LogAppendTime")
    worker = orchestrator.start()
    (decided,) = orchestrator.decide("decided")
    orchestrator.traffic.send(topic_of(news), enriched(news, decided))
    orchestrator.traffic.flush()
    assert eventually(lambda: orchestrator.rows()[decided.encode()] is None), "its marker stays"
    if unread:
        assert worker.stop() == 0
    signals = bodies(undecided := orchestrator.traffic.corr_id("undecided"), "momentum", "risk")
    orchestrator.traffic.send_in_order(signals)
    orchestrator.traffic.send(topic_of(news), enriched(news, undecided))
    orchestrator.traffic.flush()
    if not unread:
        orchestrator.settle()
        assert worker.stop() == 0
    text = FX.read_text().replace(
        "required_agents: [momentum, risk]", f"required_agents: [momentum, risk, {news}]"
    )
    assert news in text
    (tmp_path / "with-news.yaml").write_text(text)
    worker.start(ORCHESTRATOR_WORKFLOWS=str(tmp_path / "with-news.yaml"))
    orchestrator.outputs.wait_for(DECISION_TOPIC, [undecided])
    orchestrator.settle()
    assert orchestrator.the_decision(undecided)["contributing_agents"] == ["momentum", news, "risk"]
    assert orchestrator.rows()[decided.encode()] is None

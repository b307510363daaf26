"""kill -9: whatever had been read is decided once, by the same worker or another one, with its disk or without."""

import shutil

import pytest

from streams.topics import DECISION_TOPIC
from tests.real.conftest import MakeOrchestrator
from tests.real.signal_sets import bodies, topic_of


@pytest.mark.parametrize("guarantee", ["exactly_once", "at_least_once"])
@pytest.mark.parametrize("disk", ["kept", "lost"])
def test_a_correlation_of_which_two_signals_were_read_before_a_kill_is_decided_once(
    make_orchestrator: MakeOrchestrator, disk: str, guarantee: str
) -> None:
    orchestrator = make_orchestrator(ORCHESTRATOR_GUARANTEE=guarantee)
    worker = orchestrator.start()
    signals = bodies(corr_id := orchestrator.traffic.corr_id("killed"))
    last = signals.pop("risk")
    orchestrator.traffic.send_all(signals)
    orchestrator.settle()
    assert orchestrator.decisions(corr_id) == []
    # Killed as soon as this one is seen: without transactions its offsets are committed after it, the partition's first.
    orchestrator.decide("seen")
    worker.kill()
    if disk == "lost":
        shutil.rmtree(worker.data)
    orchestrator.traffic.send(topic_of("risk"), last)
    worker.start()
    orchestrator.settle()
    decision = orchestrator.the_decision(corr_id)
    assert decision["contributing_agents"] == ["correlation", "momentum", "risk"]
    assert decision["completed_by"] == "all_required"
    assert {topic: len(found) for topic, found in orchestrator.outputs.everything_of(corr_id).items()} == {
        DECISION_TOPIC: 1,
        "audit.decision": 1,
        "audit.orchestration.decision": 1,
        "execution.order": 1,
        "portfolio.decision": 1,
        "risk.monitor.decision": 1,
    }

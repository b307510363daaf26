"""A worker that comes back with another workflows file."""

from pathlib import Path

from config.orchestrator_settings import SHIPPED_WORKFLOWS
from streams.topics import DECISION_TOPIC
from tests.real.conftest import MakeOrchestrator
from tests.real.signal_sets import bodies

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

"""The marker that stays after an outcome ends by record time, in memory, on disk and in the changelog."""

import shutil

from orchestration.timestamps import parse_timestamp
from tests.real.conftest import MakeOrchestrator
from tests.real.outputs import decoded, headers_of
from tests.real.signal_sets import bodies
from tests.real.worker_process import eventually


def test_after_the_markers_time_a_corr_id_is_decided_anew(make_orchestrator: MakeOrchestrator) -> None:
    orchestrator = make_orchestrator(IDEMPOTENCY_TTL_SEC="2")
    orchestrator.start()
    corr_id, forgotten = orchestrator.decide("again", "forgotten")
    first = orchestrator.the_decision(corr_id)
    orchestrator.traffic.pass_time(parse_timestamp(first["orchestrated_at"]) + 2000)
    orchestrator.send_complete(corr_id)
    orchestrator.settle()
    again, second = orchestrator.decisions(corr_id)
    assert again == first
    assert second["orchestrated_at"] > first["orchestrated_at"]
    # The same inputs: executors recognise the order, and trade once.
    assert second["decision_id"] == first["decision_id"]
    orders = [decoded(message)["order_id"] for message in orchestrator.outputs.of("execution.order", corr_id)]
    assert len(orders) == 2
    assert len(set(orders)) == 1
    assert orchestrator.outputs.of("signals.late", corr_id) == []
    assert eventually(lambda: orchestrator.rows()[forgotten.encode()] is None)


def test_a_decided_correlation_is_not_decided_again_by_a_worker_that_restores_it(
    make_orchestrator: MakeOrchestrator,
) -> None:
    orchestrator = make_orchestrator()
    worker = orchestrator.start()
    (corr_id,) = orchestrator.decide("decided")
    worker.kill()
    shutil.rmtree(worker.data)
    orchestrator.traffic.send_all(bodies(corr_id))
    worker.start()
    orchestrator.settle()
    orchestrator.the_decision(corr_id)
    late = orchestrator.outputs.of("signals.late", corr_id)
    assert [headers_of(message)["late_reason"] for message in late] == ["duplicate"] * 4

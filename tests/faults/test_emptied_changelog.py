"""A changelog that lost its records, and a worker without a disk: nothing is left of the state, and that is no beginning."""

import shutil

import pytest

from tests.faults.cluster_worker import REFUSED
from tests.real.conftest import MakeOrchestrator, make_orchestrator
from tests.real.signal_sets import bodies
from tests.real.stack_fixtures import kafka
from tests.real.worker_process import eventually

__all__ = ["kafka", "make_orchestrator"]


@pytest.mark.parametrize("how", ["made-anew", "records-deleted"])
def test_a_worker_without_a_disk_refuses_a_changelog_that_was_emptied(
    make_orchestrator: MakeOrchestrator, how: str
) -> None:
    orchestrator = make_orchestrator()
    worker = orchestrator.start()
    waiting = bodies(orchestrator.traffic.corr_id("waits"))
    del waiting["risk"]
    orchestrator.traffic.send_all(waiting)
    orchestrator.decide("decided")
    orchestrator.settle()
    assert worker.stop() == 0
    if how == "made-anew":
        orchestrator.broker.delete(orchestrator.changelog)
        orchestrator.make_topics()
    else:
        orchestrator.broker.configure(orchestrator.changelog, "cleanup.policy", "delete")
        orchestrator.broker.empty([orchestrator.changelog])
        orchestrator.broker.configure(orchestrator.changelog, "cleanup.policy", "compact")
    shutil.rmtree(worker.data)
    worker.launch()
    assert eventually(lambda: worker.health() == 200 or not worker.alive)
    assert not worker.alive
    assert worker.wait_for_exit() == REFUSED
    assert orchestrator.changelog in worker.log

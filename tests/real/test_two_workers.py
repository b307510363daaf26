"""Two workers: one leaves, is killed or sleeps, and the other goes on with its partitions. Nothing is lost or decided twice."""

import time

import pytest

from streams.topics import AUDIT_TOPIC, DECISION_TOPIC
from tests.real.conftest import MakeOrchestrator
from tests.real.orchestrator import PARTITIONS, Orchestrator
from tests.real.signal_sets import bodies, enriched, topic_of
from tests.real.worker_metrics import samples
from tests.real.worker_process import Worker, eventually

LONG_SESSION_SECONDS = 60
SHORT_SESSION_SECONDS = 3
LOADED = 5
STOP_SECONDS = 30


class Flow:
    """Complete correlations, one on each partition at a time; sent until told otherwise."""

    def __init__(self, orchestrator: Orchestrator) -> None:
        self.corr_ids: list[str] = []
        self._orchestrator = orchestrator

    def go_on(self, rounds: int = 10) -> None:
        traffic = self._orchestrator.traffic
        for _ in range(rounds):
            for partition in range(PARTITIONS):
                corr_id = traffic.corr_id("flow", partition)
                traffic.send_all(bodies(corr_id))
                self.corr_ids.append(corr_id)
            traffic.flush()

    def is_decided(self, seconds: float) -> None:
        self._orchestrator.outputs.wait_for(DECISION_TOPIC, self.corr_ids, seconds=seconds)

    def was_decided_once(self) -> None:
        """To be asked when everything has settled."""
        outputs = self._orchestrator.outputs
        for topic in (DECISION_TOPIC, AUDIT_TOPIC, "execution.order"):
            counts = {corr_id: len(outputs.of(topic, corr_id)) for corr_id in self.corr_ids}
            assert {corr_id: count for corr_id, count in counts.items() if count != 1} == {}, topic


def pair(orchestrator: Orchestrator) -> tuple[Worker, Worker]:
    """Two workers, each with half of the partitions."""
    workers = orchestrator.worker("a").launch(), orchestrator.worker("b").launch()
    for worker in workers:
        worker.wait_until_ready()
    assert eventually(lambda: all(owned(worker) == PARTITIONS / 2 for worker in workers))
    return workers


def owned(worker: Worker) -> float:
    """How many partitions it decides for; none while they are being brought up."""
    return samples(worker)["orchestrator_partitions_assigned", ()] if worker.health() == 200 else 0


def two_of_three(orchestrator: Orchestrator) -> list[str]:
    """A correlation on each partition that waits for risk, and has been read."""
    corr_ids = [orchestrator.traffic.corr_id("waits", partition) for partition in range(PARTITIONS)]
    for corr_id in corr_ids:
        signals = bodies(corr_id)
        del signals["risk"]
        orchestrator.traffic.send_all(signals)
    orchestrator.settle()
    return corr_ids


def the_third(orchestrator: Orchestrator, corr_ids: list[str]) -> None:
    for corr_id in corr_ids:
        orchestrator.traffic.send(topic_of("risk"), enriched("risk", corr_id))
    orchestrator.traffic.flush()


@pytest.mark.parametrize("guarantee", ["exactly_once", "at_least_once"])
def test_a_worker_that_is_told_to_stop_in_mid_traffic_hands_its_partitions_over_at_once(
    make_orchestrator: MakeOrchestrator, guarantee: str
) -> None:
    orchestrator = make_orchestrator(
        ORCHESTRATOR_GUARANTEE=guarantee, ORCHESTRATOR_SESSION_TIMEOUT_SEC=str(LONG_SESSION_SECONDS)
    )
    leaving, staying = pair(orchestrator)
    waiting = two_of_three(orchestrator)
    flow = Flow(orchestrator)
    flow.go_on()
    told = time.monotonic()
    leaving.terminate()
    while leaving.alive:
        flow.go_on(rounds=1)
    assert leaving.wait_for_exit() == 0
    assert time.monotonic() - told < STOP_SECONDS
    flow.go_on()
    the_third(orchestrator, waiting)
    orchestrator.outputs.wait_for(DECISION_TOPIC, waiting, seconds=LONG_SESSION_SECONDS / 2)
    flow.is_decided(seconds=LONG_SESSION_SECONDS / 2)
    assert time.monotonic() - told < LONG_SESSION_SECONDS
    orchestrator.settle()
    flow.was_decided_once()
    assert [orchestrator.the_decision(corr_id)["completed_by"] for corr_id in waiting] == ["all_required"] * 4
    assert owned(staying) == PARTITIONS


def test_the_partitions_of_a_killed_worker_are_taken_over_within_the_session_timeout(
    make_orchestrator: MakeOrchestrator,
) -> None:
    orchestrator = make_orchestrator(ORCHESTRATOR_SESSION_TIMEOUT_SEC=str(SHORT_SESSION_SECONDS))
    killed, staying = pair(orchestrator)
    waiting = two_of_three(orchestrator)
    flow = Flow(orchestrator)
    flow.go_on()
    killed.kill()
    began = time.monotonic()
    flow.go_on()
    the_third(orchestrator, waiting)
    # A second for the fence and the restore.
    promised = SHORT_SESSION_SECONDS + 1
    orchestrator.outputs.wait_for(DECISION_TOPIC, waiting, seconds=LOADED * promised)
    flow.is_decided(seconds=LOADED * promised)
    assert time.monotonic() - began < LOADED * promised
    orchestrator.settle()
    flow.was_decided_once()
    assert [orchestrator.the_decision(corr_id)["completed_by"] for corr_id in waiting] == ["all_required"] * 4
    assert owned(staying) == PARTITIONS


def test_a_worker_that_slept_past_its_session_writes_nothing_for_what_others_own_now(
    make_orchestrator: MakeOrchestrator,
) -> None:
    orchestrator = make_orchestrator(ORCHESTRATOR_SESSION_TIMEOUT_SEC=str(SHORT_SESSION_SECONDS))
    sleeping, staying = pair(orchestrator)
    waiting = two_of_three(orchestrator)
    flow = Flow(orchestrator)
    flow.go_on()
    sleeping.pause()
    flow.go_on()
    the_third(orchestrator, waiting)
    flow.is_decided(seconds=60)
    orchestrator.outputs.wait_for(DECISION_TOPIC, waiting)
    sleeping.resume()
    flow.go_on()
    # It has found out, and has its half again.
    assert eventually(lambda: owned(sleeping) == owned(staying) == PARTITIONS / 2)
    orchestrator.settle()
    flow.was_decided_once()
    assert [len(orchestrator.decisions(corr_id)) for corr_id in waiting] == [1] * PARTITIONS

"""A small run against the real worker on a real broker, and what the judge says of it: for the self-test."""

import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from config.version import orchestrator_version
from tests.faults.invariants import INVARIANTS
from tests.faults.judge import Verdict, judge
from tests.faults.ledger import Ledger
from tests.faults.observed import Topics, observe, use_broker_time
from tests.faults.progress import Progress, wait_until_quiet
from tests.faults.run_facts import RunFacts
from tests.faults.sender import Sender, UncommittedBatch
from tests.faults.trouble import TIMEOUT_SECONDS, Circumstances, Trouble
from tests.faults.workload import Workload
from tests.real.orchestrator import PARTITIONS, Orchestrator, orchestrator_on
from tests.real.worker_process import COMMAND, Worker

_RATE = 2000.0
_BUSY_MACHINE_MS = 20_000
"""Deadlines may be late by so much here: the self-test shares two cores with whatever else runs, and judges bugs."""


def run_trial(
    bootstrap_servers: str,
    folder: Path,
    circumstances: Circumstances,
    *,
    planted: str | None = None,
    seed: int = 1,
    correlations: int = 150,
) -> list[Verdict]:
    """``planted``: a module of ``tests.faults.planted``, or none. The file of the run is ``folder / "ledger.sqlite"``."""
    environment = circumstances.environment
    command = COMMAND if planted is None else (sys.executable, "-m", "tests.faults.planted.launch", planted)
    if planted is not None:
        environment["PLANTED_DIED"] = str(folder / "died")
    workload = Workload(
        seed, correlations, per_second=40.0, timeout_seconds=TIMEOUT_SECONDS, spread=0.6, hot_messages=260
    )
    with (
        Ledger(folder / "ledger.sqlite") as ledger,
        orchestrator_on(bootstrap_servers, folder, **environment) as orchestrator,
    ):
        facts = RunFacts(
            orchestrator.app_id,
            PARTITIONS,
            orchestrator_version(),
            seed,
            circumstances.guarantee,
            TIMEOUT_SECONDS,
            deadline_slack_ms=_BUSY_MACHINE_MS,
        )
        facts.note_in(ledger)
        topics = Topics.of(orchestrator.workflows, orchestrator.app_id)
        use_broker_time(orchestrator.broker, topics)
        # Their names are fixed: what another run has left there is not of this one.
        orchestrator.broker.empty(set(topics.all) - {topics.changelog})
        workers = _workers(orchestrator, circumstances, command)
        with closing(Progress(bootstrap_servers)) as progress:
            sender = Sender(bootstrap_servers, ledger, _RATE, PARTITIONS).start(workload)
            trouble = Trouble(workers, ledger, sender, progress, total=sum(1 for _ in workload))
            trouble.kill(circumstances.kills, circumstances.away_seconds, circumstances.disk_lost)
            if circumstances.pause_seconds:
                trouble.pause(circumstances.pause_seconds)
            with UncommittedBatch(bootstrap_servers, ledger, workload.aborted_batch(0), PARTITIONS):
                trouble.keep_alive(1.0)
            while not sender.finished:
                trouble.keep_alive(0.2)
            sender.join()
            wait_until_quiet(
                orchestrator.broker,
                ledger,
                group=orchestrator.app_id,
                inputs=topics.inputs,
                opened=sender.opened,
                progress=progress,
                timeout_seconds=TIMEOUT_SECONDS,
                patience_seconds=45.0,
            )
        observe(orchestrator.broker, ledger, facts)
        return judge(ledger, facts, INVARIANTS)


def _workers(
    orchestrator: Orchestrator, circumstances: Circumstances, command: Sequence[str]
) -> list[Worker]:
    names = ["a", "b"] if circumstances.pause_seconds else ["a"]
    workers = [orchestrator.worker(name, command).launch() for name in names]
    for worker in workers:
        worker.wait_until_ready()
    return workers

import sys, time, tempfile
from pathlib import Path
from random import Random
from tests.faults.cluster import Cluster, PARTITIONS
from tests.faults.fault import Scene, Missed
from tests.faults.ledger import Ledger
from tests.faults.progress import Progress
from tests.faults.sender import Sender
from tests.faults.workload import Workload
from tests.faults.worker_faults import *
from tests.faults.network_faults import *
from tests.faults.broker_faults import *
from tests.faults.state_faults import *
from tests.faults.clock_faults import *
from tests.faults.changelog_faults import *
from tests.faults.rebalance_storm import *
from tests.faults.kill_points import KILL_POINTS

names = sys.argv[2:]
kinds = {
    **{
        c.__name__: c
        for c in (
            KillAtRandom,
            RollingStop,
            Zombie,
            RebalanceStorm,
            BrokerKill,
            BrokerPause,
            Cut,
            HalfOpen,
            Latency,
            Reset,
            StateDeleted,
            FileTruncated,
            ByteFlipped,
            DiskFull,
            ChangelogEmptied,
            ChangelogMadeAnew,
        )
    },
    **{p: (lambda p=p: KillAtPoint(p)) for p in KILL_POINTS},
    "up": lambda: ClockJump(3600),
    "down": lambda: ClockJump(-3600),
}
t0 = time.monotonic()


def say(*a):
    print(f"{time.monotonic() - t0:7.1f}", *a, flush=True)


with Cluster(
    guarantee=sys.argv[1], environment={"DECISION_TIMEOUT_SEC": "8"}, folder=Path(tempfile.mkdtemp())
) as cluster:
    say(cluster.folder)
    cluster.start()
    say("started")
    with Ledger(cluster.folder / "ledger.sqlite") as ledger:
        sender = Sender(cluster.kafka.bootstrap_servers, ledger, 3000, PARTITIONS)
        progress = Progress(cluster.kafka.bootstrap_servers)
        sender.start(Workload(5, 100000, per_second=100, timeout_seconds=8))
        scene = Scene(cluster, Random(1), lambda: progress.open(sender))
        for name in names:
            scene.wait_for_load()
            say("make", name, "open", scene.open(), cluster.open_correlations())
            try:
                say("landed", kinds[name]().strike(scene))
            except Missed as m:
                say("MISSED", m)
            cluster.start()
            ends = cluster.input_ends()
            scene.must(lambda: cluster.has_read_to(ends), "read")
            say("recovered")
        sender.stop()
        sender.join()
        say("quiet", cluster.wait_for_quiet())
        progress.close()

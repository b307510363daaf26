"""`python -m benchmarks.parity`: a live run of many correlations with kills in it, replayed and compared; exit status 1 on a difference.

One in ten correlations misses its risk signal and ends at its deadline. The worker is killed with -9 while it decides, and started
again with the same data folder.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from confluent_kafka import Producer

from benchmarks.workload import AGENTS, signals
from config.orchestrator_settings import SHIPPED_WORKFLOWS
from config.settings import load_settings
from config.workflows.loader import load_workflows
from orchestration.partitioning import partition_of
from streams.clients import client_settings, producer_settings
from streams.recordings.kafka_ends import capture, committed_offsets
from streams.recordings.ranges import Wanted
from streams.recordings.read import RecordingError
from streams.stack.kafka_server import KafkaServer
from streams.stack.ports import free_ports
from streams.topics import ensure_topics, input_topics, topic_specs

PARTITIONS = 4
APP_ID = "parity"
TIMEOUT_SECONDS = 20
LONGEST_SECONDS = 1800.0
WITHOUT_RISK = 10


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--correlations", type=int, default=100_000)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument(
        "--every", type=float, default=8.0, metavar="SECONDS", help="from one kill to the next"
    )
    arguments = parser.parse_args()
    workflows = load_workflows(SHIPPED_WORKFLOWS).workflows
    with KafkaServer() as kafka, tempfile.TemporaryDirectory(prefix="parity-") as folder:
        (port,) = free_ports(1)
        environment = {
            **os.environ,
            "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
            "ORCHESTRATOR_APP_ID": APP_ID,
            "ORCHESTRATOR_DATA_DIR": folder,
            "ORCHESTRATOR_PARTITIONS": str(PARTITIONS),
            "ORCHESTRATOR_WEB_PORT": str(port),
            "DECISION_TIMEOUT_SEC": str(TIMEOUT_SECONDS),
            "LOG_LEVEL": "WARNING",
        }
        settings = load_settings(environment)
        client = client_settings(settings)
        specs = topic_specs(workflows.agents, workflows.topics, APP_ID)
        ensure_topics(client, specs, partitions=PARTITIONS, replication=1, create=True)
        count = _send(producer_settings(settings), arguments.correlations)
        print(f"{arguments.correlations:,} correlations, {count:,} signals; {arguments.kills} kills")
        _decide(
            environment,
            client,
            input_topics(workflows.agents),
            arguments.kills,
            arguments.every,
            Path(folder),
        )
        command = [
            sys.executable,
            "-m",
            "agents.cli.main",
            "replay",
            "--verify-against",
            "orchestrated.decision",
        ]
        return subprocess.run(command, env=environment, check=False).returncode


def _send(configuration: Mapping[str, object], correlations: int) -> int:
    producer = Producer(dict(configuration))
    count = 0
    for number, (topic, corr_id, value) in enumerate(signals(correlations)):
        if topic.endswith(".risk") and number // len(AGENTS) % WITHOUT_RISK == 0:
            continue
        key = corr_id.encode()
        producer.produce(topic, value, key, partition_of(key, PARTITIONS))
        producer.poll(0)
        count += 1
        if not count % 100_000:
            producer.flush()
    if producer.flush(120) > 0:
        raise RuntimeError("the broker did not take the workload")
    return count


def _decide(
    environment: Mapping[str, str],
    client: Mapping[str, object],
    topics: tuple[str, ...],
    kills: int,
    every: float,
    folder: Path,
) -> None:
    spans = capture(client, topics, Wanted())

    def decided() -> bool:
        try:
            committed = committed_offsets(client, APP_ID, spans)
        except RecordingError:
            # A broker that has never seen a group takes its time to answer for the first one.
            return False
        return all(committed.get((span.topic, span.partition), -1) >= span.end for span in spans)

    began = time.monotonic()
    with (folder / "worker.log").open("wb") as log:
        while True:
            worker = subprocess.Popen(
                [sys.executable, "-m", "agents.cli.main", "worker"], env=environment, stdout=log, stderr=log
            )
            try:
                until = time.monotonic() + every if kills else began + LONGEST_SECONDS
                while time.monotonic() < until and not decided():
                    if worker.poll() is not None:
                        raise RuntimeError((folder / "worker.log").read_text()[-3000:])
                    time.sleep(0.2)
                if kills:
                    kills -= 1
                    continue
                if not decided():
                    raise TimeoutError(f"not decided in {LONGEST_SECONDS:g} s")
                # The last deadlines, and the ticks that tell of them.
                time.sleep(TIMEOUT_SECONDS + 5)
                return
            finally:
                worker.kill()
                worker.wait()


if __name__ == "__main__":
    sys.exit(main())

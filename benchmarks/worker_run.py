"""One worker process against the preloaded topics, timed from its first committed signal batch to its last."""

import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import psutil

from streams.stack.ports import free_ports

POLL_SECONDS = 0.1
LONGEST_RUN_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Run:
    """``seconds`` and ``cpu`` seconds for all signals; ``memory`` in MiB, resident at the end."""

    seconds: float
    cpu: float
    memory: float


def run_worker(bootstrap_servers: str, app_id: str, count: int, partitions: int, guarantee: str) -> Run:
    """Start a worker with an empty state and wait until it has committed ``count`` signals."""
    (port,) = free_ports(1)
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ,
            "KAFKA_BOOTSTRAP_SERVERS": bootstrap_servers,
            "ORCHESTRATOR_APP_ID": app_id,
            "ORCHESTRATOR_DATA_DIR": folder,
            "ORCHESTRATOR_PARTITIONS": str(partitions),
            "ORCHESTRATOR_GUARANTEE": guarantee,
            "ORCHESTRATOR_WEB_PORT": str(port),
            "LOG_LEVEL": "WARNING",
        }
        with (Path(folder) / "worker.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "agents.cli.main", "worker"], env=environment, stdout=log, stderr=log
            )
            try:
                return _timed(psutil.Process(process.pid), f"http://127.0.0.1:{port}/metrics", count)
            except Exception as error:
                raise RuntimeError((Path(folder) / "worker.log").read_text()[-3000:]) from error
            finally:
                process.terminate()
                process.wait(60)


def _timed(process: psutil.Process, url: str, count: int) -> Run:
    began = time.monotonic()
    last_idle = (began, 0.0)
    while time.monotonic() - began < LONGEST_RUN_SECONDS:
        done = _signals(url)
        now, cpu = time.monotonic(), sum(process.cpu_times()[:2])
        if done == 0:
            last_idle = (now, cpu)
        elif done >= count:
            return Run(now - last_idle[0], cpu - last_idle[1], process.memory_info().rss / 2**20)
        time.sleep(POLL_SECONDS)
    raise TimeoutError(f"{count} signals were not done in {LONGEST_RUN_SECONDS:g} s")


def _signals(url: str) -> float:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            text = answer.read().decode()
    except OSError:
        return 0
    return sum(
        float(line.rsplit(" ", 1)[1])
        for line in text.splitlines()
        if line.startswith("orchestrator_signals_received_total{")
    )

"""One mirror process, timed from its last idle moment until it has carried what there is."""

import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from streams.stack.ports import free_ports

POLL_SECONDS = 0.05
LONGEST_RUN_SECONDS = 900.0


def timed_mirror(environment: Mapping[str, str], direction: str, count: int) -> float:
    """Seconds for ``count`` messages; connecting and joining the groups are not counted."""
    (port,) = free_ports(1)
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "mirror.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "agents.cli.main", "mirror"],
                env={**os.environ, **environment, "ORCHESTRATOR_WEB_PORT": str(port), "LOG_LEVEL": "WARNING"},
                stdout=output,
                stderr=output,
            )
            try:
                return _timed(f"http://127.0.0.1:{port}/metrics", direction, count)
            except TimeoutError as error:
                raise RuntimeError(log.read_text()[-3000:]) from error
            finally:
                process.terminate()
                process.wait(60)


def _timed(url: str, direction: str, count: int) -> float:
    began = idle = time.monotonic()
    while time.monotonic() - began < LONGEST_RUN_SECONDS:
        done, now = _carried(url, direction), time.monotonic()
        if done == 0:
            idle = now
        elif done >= count:
            return now - idle
        time.sleep(POLL_SECONDS)
    raise TimeoutError(f"{count} messages were not carried in {LONGEST_RUN_SECONDS:g} s")


def _carried(url: str, direction: str) -> float:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            text = answer.read().decode()
    except OSError:
        return 0
    name = f'orchestrator_mirror_messages_total{{direction="{direction}"}} '
    return sum(float(line.removeprefix(name)) for line in text.splitlines() if line.startswith(name))

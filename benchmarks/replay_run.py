"""One timed run in a process of its own: ``python -m benchmarks.replay_run FILE PROCESSES``; prints JSON.

0 processes: every line read and parsed with orjson, and nothing else. The start of the interpreter is not counted, that of the
replay's own processes is.
"""

import json
import resource
import sys
import time
from pathlib import Path

import orjson

from agents.replay.run import run_replay
from agents.replay.stop import Stop
from agents.replay.task import Task
from config.orchestrator_settings import SHIPPED_WORKFLOWS
from config.settings import load_settings
from streams.recordings.files import Files


def main(path: Path, processes: int) -> dict[str, object]:
    if processes == 0:
        started = time.monotonic()
        with path.open("rb") as file:
            for line in file:
                orjson.loads(line)
        return {"seconds": time.monotonic() - started}
    files = Files([path], print)
    files.close()
    task = Task(load_settings({}), SHIPPED_WORKFLOWS, files.partitions or 8, (path,))
    started = time.monotonic()
    result = run_replay(task, processes, None, print, Stop(), lambda *_: None)
    seconds = time.monotonic() - started
    largest = max(
        resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return {
        "seconds": seconds,
        "peak_mib": largest / 1024,
        "spilled_rows": result.counts.spilled_rows,
        "digest": result.counts.digest.text,
    }


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]))))

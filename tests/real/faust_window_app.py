"""A correlation window as one would write it with Faust alone: a tumbling table keyed by corr_id that tells when it closes.

Run as ``python -m tests.real.faust_window_app worker --without-web``, set up from the environment. Each line of its standard
output is a JSON list: what happened, then to which corr_ids.
"""

import json
import os
from typing import Any

import faust

SIZE = 1.0
EXPIRES = 1.0
SWEEP = 0.1


def report(event: str, *words: str) -> None:
    # Not through sys.stdout, which Faust's worker turns into log lines.
    os.write(1, json.dumps([event, *words]).encode() + b"\n")


app = faust.App(
    os.environ["WINDOW_APP_ID"],
    broker=f"kafka://{os.environ['KAFKA_BOOTSTRAP_SERVERS']}",
    datadir=os.environ["WINDOW_DATA_DIR"],
    topic_partitions=int(os.environ["WINDOW_PARTITIONS"]),
    # All three far below their defaults (30 s, 2.8 s, 60 s), so that what never comes is not merely late.
    table_cleanup_interval=SWEEP,
    broker_commit_interval=0.2,
    broker_session_timeout=6.0,
    broker_heartbeat_interval=1.0,
    consumer_group_instance_id=os.environ["WINDOW_WORKER_ID"],
)
signals = app.topic(os.environ["WINDOW_TOPIC"], key_type=str, value_type=bytes, value_serializer="raw")


async def closed(key: tuple[str, tuple[float, float]], count: int) -> None:
    report("closed", key[0])


correlations = app.Table(
    "correlations", default=int, key_type=str, value_type=int, on_window_close=closed
).tumbling(SIZE, expires=EXPIRES)


@app.agent(signals)
async def correlate(stream: Any) -> None:
    async for corr_id, _ in stream.items():
        correlations[corr_id] += 1
        report("collected", corr_id)


@correlations.on_recover
async def restored() -> None:
    report("restored", *sorted(key[0] for key in correlations.table.data))


if __name__ == "__main__":
    app.main()

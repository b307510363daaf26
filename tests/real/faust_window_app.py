"""A correlation's deadline as one would write it with Faust alone: a tumbling table that tells when a window closes.

Run as ``python -m tests.real.faust_window_app worker --without-web``, set up from the environment. What happens is appended
to the file WINDOW_EVENTS, a JSON list a line: the event, then corr_ids.
"""

import json
import os
from pathlib import Path
from typing import Any

import faust

events = Path(os.environ["WINDOW_EVENTS"]).open("a", buffering=1)  # noqa: SIM115 - for as long as the process lives


def tell(event: str, *corr_ids: str) -> None:
    events.write(json.dumps([event, *corr_ids]) + "\n")


app = faust.App(
    os.environ["WINDOW_APP_ID"],
    broker=f"kafka://{os.environ['KAFKA_BOOTSTRAP_SERVERS']}",
    datadir=os.environ["WINDOW_DATA_DIR"],
    topic_partitions=int(os.environ["WINDOW_PARTITIONS"]),
    # Far below their defaults of 30 s, 2.8 s and 60 s: what does not come is lost, not merely late.
    table_cleanup_interval=0.1,
    broker_commit_interval=0.2,
    broker_session_timeout=6.0,
    broker_heartbeat_interval=1.0,
    # The same member after a restart: its partitions come back at once.
    consumer_group_instance_id=os.environ["WINDOW_WORKER_ID"],
)
signals = app.topic(os.environ["WINDOW_TOPIC"], key_type=str, value_type=bytes, value_serializer="raw")
decided = app.Table("decided", key_type=str, value_type=bool)


async def closed(key: tuple[str, tuple[float, float]], count: int) -> None:
    corr_id = key[0]
    tell("closed", corr_id)
    try:
        decided[corr_id] = True
    except TypeError:
        # Let through, it would end the worker.
        tell("not-marked", corr_id)


correlations: Any = app.Table(
    "correlations", default=int, key_type=str, value_type=int, on_window_close=closed
).tumbling(float(os.environ["WINDOW_SECONDS"]), expires=float(os.environ["WINDOW_EXPIRES_SECONDS"]))


@app.agent(signals)
async def correlate(stream: Any) -> None:
    async for corr_id, _ in stream.items():  # noqa: PERF102 - a Faust stream is no dict
        correlations[corr_id] += 1
        tell("collected", corr_id)


async def restored() -> None:
    tell("restored", *sorted(key[0] for key in correlations.table.data))


correlations.on_recover(restored)


if __name__ == "__main__":
    app.main()

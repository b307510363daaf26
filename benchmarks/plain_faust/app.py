"""The fan-in as one writes it with Faust alone: an agent, a table, a send when all three are in.

Run as ``python -m benchmarks.plain_faust.app worker --without-web``, set up from the environment. It decides without rules:
what is compared is how often.
"""

import json
import os
from typing import Any

import faust

from benchmarks.plain_faust.names import DECISIONS, REQUIRED

app = faust.App(
    os.environ["PLAIN_APP_ID"],
    broker=f"kafka://{os.environ['KAFKA_BOOTSTRAP_SERVERS']}",
    store="rocksdb://",
    datadir=os.environ["PLAIN_DATA_DIR"],
    processing_guarantee=os.environ["PLAIN_GUARANTEE"],
    topic_partitions=int(os.environ["PLAIN_PARTITIONS"]),
    # The same as the orchestrator's in this comparison; Faust's own default is 60 s.
    broker_session_timeout=float(os.environ["PLAIN_SESSION_SECONDS"]),
    broker_heartbeat_interval=1.0,
    # The same member after a restart, so that its partitions come back at once.
    consumer_group_instance_id=f"{os.environ['PLAIN_APP_ID']}-member",
)
signals = app.topic(
    *[f"signals.enriched.{agent}" for agent in REQUIRED],
    key_type=bytes,
    key_serializer="raw",
    value_type=bytes,
    value_serializer="raw",
)
decisions = app.topic(
    DECISIONS, key_type=bytes, value_type=bytes, value_serializer="raw", key_serializer="raw"
)
fan_in: Any = app.Table("fan_in", default=dict, key_type=str)


@app.agent(signals)
async def collect(stream: Any) -> None:
    async for event in stream.events():
        signal = usable(event.key, event.value)
        if signal is None:
            continue
        corr_id = signal["corr_id"]
        collected = fan_in[corr_id]
        collected[signal["agent_name"]] = signal["analysis"]
        if all(agent in collected for agent in REQUIRED):
            confidence = sum(collected[agent].get("confidence") or 0.0 for agent in REQUIRED) / len(REQUIRED)
            value = json.dumps({"corr_id": corr_id, "confidence": confidence}).encode()
            await decisions.send(key=corr_id.encode(), value=value)
            # A Faust table has no time-to-live: what stays in it stays for ever.
            fan_in.pop(corr_id)
        else:
            fan_in[corr_id] = collected


def usable(key: bytes | None, value: bytes | None) -> dict[str, Any] | None:
    """What a plain job takes; an exception here would lose the event and stop the agent for a while."""
    try:
        signal = json.loads(value or b"")
        right = signal["corr_id"].encode() == key and signal["agent_name"] in REQUIRED
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    return signal if right and isinstance(signal.get("analysis"), dict) else None


if __name__ == "__main__":
    app.main()

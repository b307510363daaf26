"""The yardstick: a plain aiokafka loop that decodes each signal and produces the same outputs, without rules or state.

For every third signal it sends what the orchestrator sends for an outcome: the same topics, the same bytes each, with the
corr_id in their place. Run as a process: ``python -m benchmarks.plain_loop BOOTSTRAP GROUP COUNT < templates``; prints JSON.
"""

import asyncio
import json
import sys
import time

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from benchmarks.workload import AGENTS
from streams.topics import ENRICHED_PREFIX

CORR_ID = b"req_" + b"0" * 32


async def run(
    bootstrap_servers: str,
    group: str,
    count: int,
    templates: list[tuple[str, bytes, list[tuple[str, bytes]]]],
) -> dict[str, float]:
    """Reads ``count`` records; returns the seconds and CPU seconds from the first record to the last acknowledgement."""
    decode = msgspec.json.Decoder().decode
    consumer = AIOKafkaConsumer(
        *(ENRICHED_PREFIX + agent for agent in AGENTS),
        bootstrap_servers=bootstrap_servers,
        group_id=group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_poll_records=4000,
    )
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap_servers, linger_ms=10, compression_type="lz4", max_batch_size=256 * 1024
    )
    await consumer.start()
    await producer.start()
    read = 0
    started = cpu = 0.0
    pending: list[asyncio.Future[object]] = []
    while read < count:
        for records in (await consumer.getmany(timeout_ms=1000)).values():
            if not started:
                started, cpu = time.monotonic(), time.process_time()
            for record in records:
                corr_id = decode(record.value)["corr_id"].encode()
                read += 1
                if read % len(AGENTS) == 0:
                    for topic, value, headers in templates:
                        pending.append(
                            await producer.send(
                                topic, value.replace(CORR_ID, corr_id), key=corr_id, headers=headers
                            )
                        )
        if len(pending) > 50_000:
            await asyncio.gather(*pending)
            pending.clear()
            await consumer.commit()
    await asyncio.gather(*pending)
    await consumer.commit()
    result = {"seconds": time.monotonic() - started, "cpu": time.process_time() - cpu}
    await producer.stop()
    await consumer.stop()
    return result


if __name__ == "__main__":
    import uvloop

    given = [
        (topic, value.encode(), [(name, text.encode()) for name, text in headers])
        for topic, value, headers in json.load(sys.stdin)
    ]
    print(json.dumps(uvloop.run(run(sys.argv[1], sys.argv[2], int(sys.argv[3]), given))))

"""Committed records of any topics, from given offsets to given ends."""

import time
import uuid
from collections.abc import Iterator, Mapping

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from orchestration.record import LogRecord
from streams.records import log_record, offset_of, place_of
from tests.real.broker import PATIENCE_SECONDS, QUIET, Place

_LARGEST = 9 * 1024 * 1024
_BATCH = 5000


def committed_records(
    bootstrap_servers: str, begins: Mapping[Place, int], ends: Mapping[Place, int]
) -> Iterator[list[LogRecord]]:
    """Batches of what a read_committed reader sees. ``ends`` are such a reader's: before the first open transaction.

    Raises TimeoutError when nothing comes for a long time before the ends are reached.
    """
    behind = {place for place, begin in begins.items() if begin < ends[place]}
    consumer = Consumer(
        QUIET
        | {
            "bootstrap.servers": bootstrap_servers,
            "group.id": f"reading-{uuid.uuid4().hex}",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "auto.offset.reset": "error",
            "fetch.wait.max.ms": 100,
            "fetch.message.max.bytes": _LARGEST,
            "receive.message.max.bytes": 256 * 1024 * 1024,
        }
    )
    try:
        consumer.assign([TopicPartition(*place, begins[place]) for place in behind])
        heard = time.monotonic()
        while behind:
            batch = []
            for message in consumer.consume(_BATCH, 0.1):
                error = message.error()
                place = place_of(message)
                if error is None:
                    record = log_record(message)
                    if record.offset < ends[place]:
                        batch.append(record)
                    if record.offset + 1 >= ends[place]:
                        behind.discard(place)
                elif error.code() == KafkaError._PARTITION_EOF:
                    # Behind the last record stand the markers of transactions, which are never handed out.
                    if offset_of(message) >= ends[place]:
                        behind.discard(place)
                elif not error.retriable():
                    raise KafkaException(error)
                heard = time.monotonic()
            if time.monotonic() - heard > PATIENCE_SECONDS:
                raise TimeoutError(f"nothing more comes of {sorted(behind)[:5]}")
            if batch:
                yield batch
    finally:
        consumer.close()

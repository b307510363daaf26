"""What can be done ahead, so that later starts are quick and need no network."""

from pathlib import Path
from typing import ClassVar

from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from typing_extensions import override

from streams.stack.errors import StackError, log_tail
from streams.stack.jars import installing, kafka_jars
from streams.stack.java import startup_cache
from streams.stack.kafka_server import KafkaServer


def prepare() -> Path:
    """Fetches the jars and records Java's start-up cache, where they are not there yet; returns the cache.

    Recording runs a broker of its own once and takes some 15 to 30 s, which a single start never wins back: that is
    why no start does it. Raises StackError where it fails; starts then go on without the cache.
    """
    kafka_jars()
    cache = startup_cache()
    with installing():
        if not cache.is_file():
            # Under another name until it is whole: a start must never find half of one.
            unfinished = cache.with_suffix(".unfinished")
            unfinished.unlink(missing_ok=True)
            _record(unfinished)
            unfinished.rename(cache)
    return cache


class _RecordedKafka(KafkaServer):
    # Java writes the cache after the broker has stopped.
    stop_seconds: ClassVar[float] = 180.0

    @override
    def _cache_options(self) -> list[str]:
        return []


def _record(cache: Path) -> None:
    with _RecordedKafka(java_options=[f"-XX:AOTCacheOutput={cache}"]) as kafka:
        _use(kafka.bootstrap_servers)
        kafka.stop()
        if not cache.is_file():
            raise StackError(
                f"Java recorded no start-up cache; starts stay slower. {log_tail(kafka.log_path)}"
            )


def _use(bootstrap_servers: str) -> None:
    """One transaction, read by a group: what a broker runs only then is recorded too."""
    topic = "recording"
    # In a variable: without one it is gone before its answer comes.
    admin = AdminClient({"bootstrap.servers": bootstrap_servers})
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(60)
    producer = Producer(
        {"bootstrap.servers": bootstrap_servers, "transactional.id": topic, "compression.type": "lz4"}
    )
    producer.init_transactions(60)
    producer.begin_transaction()
    producer.produce(topic, b"value", key=b"key")
    producer.commit_transaction(60)
    consumer = Consumer(
        {"bootstrap.servers": bootstrap_servers, "group.id": topic, "auto.offset.reset": "earliest"}
    )
    consumer.subscribe([topic])
    message = consumer.poll(60)
    if message is not None:
        consumer.commit(message=message, asynchronous=False)
    consumer.close()

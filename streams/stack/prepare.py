"""What can be done ahead, so that later starts are quick and need no network."""

from pathlib import Path
from typing import ClassVar

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
        kafka.stop()
        if not cache.is_file():
            raise StackError(
                f"Java recorded no start-up cache; starts stay slower. {log_tail(kafka.log_path)}"
            )

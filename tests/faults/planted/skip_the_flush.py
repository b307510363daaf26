"""Outputs are handed to a producer and not waited for: the offsets are committed while they still lie in its queue."""

from dataclasses import replace as changed
from typing import Any

from confluent_kafka import Producer

from streams.lane.transactional_writer import TransactionalWriter
from streams.lane.writer import Commit
from tests.faults.planted.replacing import die_once, replace


def plant() -> None:
    def make_init(init: Any) -> Any:
        def with_another(writer: Any, configuration: Any, *arguments: Any, **named: Any) -> None:
            init(writer, configuration, *arguments, **named)
            writer.unflushed = Producer(dict(configuration) | {"linger.ms": 3000})

        return with_another

    def make_commit(commit: Any) -> Any:
        def unflushed(writer: Any, whole: Commit) -> int | None:
            for message in whole.messages:
                writer.unflushed.produce(
                    message.topic, message.value, message.key, headers=list(message.headers)
                )
            writer.unflushed.poll(0)
            found: int | None = commit(writer, changed(whole, messages=()))
            die_once(whole.messages)
            return found

        return unflushed

    replace(TransactionalWriter, "__init__", make_init)
    replace(TransactionalWriter, "commit", make_commit)

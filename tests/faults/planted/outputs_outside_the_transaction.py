"""Outputs go out by themselves before the transaction, as Faust's exactly_once sends them: a crash repeats them."""

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
            writer.outside = Producer(dict(configuration))

        return with_another

    def make_commit(commit: Any) -> Any:
        def outside(writer: Any, whole: Commit) -> int | None:
            for message in whole.messages:
                writer.outside.produce(
                    message.topic, message.value, message.key, headers=list(message.headers)
                )
            writer.outside.flush()
            die_once(whole.messages)
            found: int | None = commit(writer, changed(whole, messages=()))
            return found

        return outside

    replace(TransactionalWriter, "__init__", make_init)
    replace(TransactionalWriter, "commit", make_commit)

"""What becomes of a message that its topic refuses for good: it goes to `dlq.<sink>`, and the others go on."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import structlog

from orchestration.message import Message
from streams.lane.writer import Commit, Refusal, SinksRefuse, Writer

logger = structlog.stdlib.get_logger(__name__)

DEAD_LETTER_PREFIX = "dlq."


class EssentialSinkRefuses(Exception):
    """`orchestrated.decision` or the audit record cannot be written: the worker has to stop."""


def commit_despite_refusals(
    writer: Writer, commit: Commit, dead_lettered: Callable[[str, str], None]
) -> int | None:
    """``writer.commit(commit)``, with refused messages sent to their dead letter topics instead.

    ``dead_lettered(topic, reason)`` is told of each. Raises EssentialSinkRefuses, and what the writer raises.
    """
    while True:
        try:
            return writer.commit(commit)
        except SinksRefuse as refuse:
            commit = _without(commit, refuse, dead_lettered)


def _without(commit: Commit, refuse: SinksRefuse, dead_lettered: Callable[[str, str], None]) -> Commit:
    refused = {refusal.index: refusal for refusal in refuse.refusals}
    kept: list[Message] = []
    for index, message in enumerate(commit.messages):
        refusal = refused.get(index)
        if refusal is None:
            if not refuse.others_written:
                kept.append(message)
            continue
        name, text = refusal.error.name(), refusal.error.str()
        if message.essential:
            raise EssentialSinkRefuses(f"{message.topic} refuses a record for good: {name}: {text}")
        dead_lettered(message.topic, name)
        if message.topic.startswith(DEAD_LETTER_PREFIX):
            logger.error(
                "%s refuses a dead letter for good, it is dropped: %s",
                message.topic,
                text,
                corr_id=_key(message),
            )
            continue
        logger.error(
            "%s refuses a message for good, it goes to %s%s: %s",
            message.topic,
            DEAD_LETTER_PREFIX,
            message.topic,
            text,
            corr_id=_key(message),
        )
        kept.append(_dead_letter(message, refusal))
    return replace(commit, messages=kept)


def _dead_letter(message: Message, refusal: Refusal) -> Message:
    headers: Sequence[tuple[str, bytes]] = (
        *message.headers,
        ("__connect.errors.topic", message.topic.encode()),
        ("__connect.errors.stage", b"TASK_PUT"),
        ("__connect.errors.exception.class.name", refusal.error.name().encode()),
        ("__connect.errors.exception.message", refusal.error.str().encode()),
        ("dlq_reason", b"sink_refused"),
    )
    return Message(f"{DEAD_LETTER_PREFIX}{message.topic}", message.key, message.value, tuple(headers))


def _key(message: Message) -> str | None:
    return message.key.decode(errors="replace") if message.key is not None else None

"""The stream and its consumers: made where they are absent, verified where they are there."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import nats.errors
from nats.js import JetStreamContext, api
from nats.js.errors import APIError, NotFoundError

from config.mirror.rules import uncovered

STREAM_SUBJECTS = (
    "signals.>",
    "orchestrated.>",
    "execution.>",
    "executions.>",
    "risk.>",
    "audit.>",
    "portfolio.>",
    "dlq.>",
)
DUPLICATE_WINDOW_SECONDS = 3600.0
KEPT_SECONDS = 7 * 24 * 3600.0
"""As long as Kafka keeps the inputs: without a bound the stream fills its disk."""
ACK_WAIT_SECONDS = 30.0
IN_FLIGHT = 4000
"""Messages of a subject that may be delivered and not acknowledged."""


class JetStreamRefused(Exception):
    """The stream or a consumer is not as it has to be. The text names it, and says what to do."""


@dataclass(frozen=True, slots=True)
class Feed:
    """One input: messages of ``subject`` go to the Kafka topic ``topic``, through the consumer ``durable``."""

    subject: str
    topic: str
    durable: str


def durable_of(prefix: str, subject: str) -> str:
    """A consumer's name must not hold dots. Different subjects get different names: `_` is doubled first."""
    return f"{prefix}_{subject.replace('_', '__').replace('.', '_')}"


async def ensure_stream(
    context: JetStreamContext, name: str, subjects: Iterable[str], *, syncs_always: bool
) -> list[str]:
    """Make the stream, or verify that it captures each of ``subjects``; returns warnings.

    Raises JetStreamRefused, and nats-py's errors where the server does not answer.
    """
    try:
        info = await context.stream_info(name)
    except NotFoundError:
        info = await _made(context, name)
    config = info.config
    missing = uncovered(subjects, config.subjects or ())
    if missing:
        raise JetStreamRefused(
            f"stream {name} (NATS_STREAM) does not capture {', '.join(missing)}: its subjects are "
            f"{', '.join(config.subjects or ()) or 'none'}. Add what is missing, or name another stream"
        )
    if config.retention not in {None, api.RetentionPolicy.LIMITS}:
        raise JetStreamRefused(
            f"stream {name} (NATS_STREAM) has retention {_value(config.retention)}, expected limits: what nobody else "
            "reads would be refused or deleted"
        )
    return [*_warnings(name, config, syncs_always)]


async def ensure_consumer(context: JetStreamContext, stream: str, feed: Feed) -> float:
    """Make the durable pull consumer of an input, or verify it; the seconds that it waits for an acknowledgement.

    Raises JetStreamRefused, and nats-py's errors.
    """
    try:
        info = await context.consumer_info(stream, feed.durable)
    except NotFoundError:
        info = await context.add_consumer(
            stream,
            durable_name=feed.durable,
            name=feed.durable,
            filter_subject=feed.subject,
            deliver_policy=api.DeliverPolicy.ALL,
            ack_policy=api.AckPolicy.EXPLICIT,
            ack_wait=ACK_WAIT_SECONDS,
            max_deliver=-1,
            max_ack_pending=IN_FLIGHT,
        )
    config = info.config
    filters = list(config.filter_subjects or ()) or [config.filter_subject or ">"]
    wrong = [
        f"{what} is {found}, expected {expected}"
        for what, found, expected in (
            ("filter_subject", ", ".join(filters), feed.subject),
            ("ack_policy", _value(config.ack_policy), "explicit"),
            ("deliver_subject", config.deliver_subject or "none", "none"),
            # With a limit, what Kafka refuses for long enough would never be delivered again.
            ("max_deliver", config.max_deliver, -1),
        )
        if found != expected
    ]
    if wrong:
        raise JetStreamRefused(
            f"consumer {feed.durable} of stream {stream}, which reads {feed.subject}: {'; '.join(wrong)}. Mend it, delete "
            "it so that it is made anew, or name others by NATS_DURABLE"
        )
    return config.ack_wait or ACK_WAIT_SECONDS


async def _made(context: JetStreamContext, name: str) -> api.StreamInfo:
    try:
        return await context.add_stream(
            name=name,
            subjects=list(STREAM_SUBJECTS),
            storage=api.StorageType.FILE,
            duplicate_window=DUPLICATE_WINDOW_SECONDS,
            max_age=KEPT_SECONDS,
        )
    except APIError as error:
        if _is_conflict(error):
            # Another mirror made it at the same moment, or one of the subjects belongs to another stream.
            try:
                return await context.stream_info(name)
            except NotFoundError:
                pass
            raise JetStreamRefused(
                f"stream {name} (NATS_STREAM) could not be made with subjects {', '.join(STREAM_SUBJECTS)}: "
                f"{error.description}. Another stream has some of them: name it by NATS_STREAM, or give it other subjects"
            ) from None
        raise


def _is_conflict(error: APIError) -> bool:
    # 10065: subjects overlap with an existing stream; 10058: the name is in use with another configuration.
    return error.err_code in {10065, 10058}


def _warnings(name: str, config: api.StreamConfig, syncs_always: bool) -> Sequence[str]:
    warnings = []
    if (config.num_replicas or 1) == 1 and not syncs_always:
        warnings.append(
            f"stream {name} has one replica: unless the server has `sync_interval: always` (then set NATS_SYNC_ALWAYS=true), "
            "messages that it has acknowledged can be lost with its power"
        )
    if config.storage == api.StorageType.MEMORY:
        warnings.append(f"stream {name} is in memory: a restart of the server loses what is not mirrored yet")
    if config.duplicate_window < DUPLICATE_WINDOW_SECONDS:
        warnings.append(
            f"stream {name} knows repeats for {config.duplicate_window:g} s, expected {DUPLICATE_WINDOW_SECONDS:g}: what is sent "
            "again after an outage longer than that stands in it twice"
        )
    return warnings


def _value(option: object) -> str:
    return str(getattr(option, "value", option))


UNAVAILABLE = (nats.errors.Error, APIError, OSError, TimeoutError)
"""What a request to JetStream raises where the server does not answer, or cannot do it now."""

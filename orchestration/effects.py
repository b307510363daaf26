"""What has to be sent: the messages of an outcome, and of a signal that came too late."""

from collections.abc import Mapping

from orchestration.audit import audit_record
from orchestration.canonical import canonical_json
from orchestration.decision_content import SCHEMA_VERSION
from orchestration.fan_out import portfolio_content, risk_content, summary_content
from orchestration.message import Message
from orchestration.outcome import Outcome
from orchestration.signal import Signal

DECISION_TOPIC = "orchestrated.decision"
RISK_TOPIC = "risk.monitor.decision"
AUDIT_SUMMARY_TOPIC = "audit.decision"
PORTFOLIO_TOPIC = "portfolio.decision"
AUDIT_RECORD_TOPIC = "audit.orchestration.decision"
LATE_TOPIC = "signals.late"

_SCHEMA_VERSION = ("schema_version", SCHEMA_VERSION.encode())
_SOURCE = ("source", b"orchestrator")

MessageHeaders = tuple[tuple[str, bytes], ...]


def outcome_messages(outcome: Outcome, read_to: Mapping[str, int]) -> list[Message]:
    """Everything that an outcome sends, in the order in which it is listed in the contracts.

    ``read_to``: the offset reached in each input topic of the partition when the outcome was taken.
    """
    inputs = outcome.inputs
    corr_id = inputs.corr_id.encode()
    headers = _headers(corr_id, outcome.decision_id, _last_traceparent(outcome))
    messages = [
        Message(DECISION_TOPIC, corr_id, outcome.value, headers, essential=True),
        Message(RISK_TOPIC, corr_id, canonical_json(risk_content(outcome)), headers),
        Message(AUDIT_SUMMARY_TOPIC, corr_id, canonical_json(summary_content(outcome)), headers),
        Message(PORTFOLIO_TOPIC, corr_id, canonical_json(portfolio_content(outcome)), headers),
    ]
    route = outcome.route
    if route is not None:
        if outcome.order is not None and route.execution_topic is not None:
            messages.append(Message(route.execution_topic, corr_id, canonical_json(outcome.order), headers))
        if outcome.trace.verdict.precedence == 6:
            messages += [Message(topic, corr_id, outcome.value, headers) for topic in route.notify]
    record = canonical_json(audit_record(outcome, read_to))
    messages.append(Message(AUDIT_RECORD_TOPIC, corr_id, record, headers, essential=True))
    return messages


def late_message(signal: Signal, reason: str, decision_id: str | None = None) -> Message:
    """The signal's payload as received, for ``signals.late``; the headers tell why and where it stood.

    ``decision_id``: that of the outcome which it came too late for, where it is known.
    """
    corr_id = signal.corr_id.encode()
    place = (
        ("late_reason", reason.encode()),
        ("late_topic", signal.topic.encode()),
        ("late_partition", str(signal.partition).encode()),
        ("late_offset", str(signal.offset).encode()),
    )
    return Message(
        LATE_TOPIC, corr_id, signal.value, _headers(corr_id, decision_id, signal.traceparent) + place
    )


def _headers(corr_id: bytes, decision_id: str | None, traceparent: str | None) -> MessageHeaders:
    headers: MessageHeaders = (("corr_id", corr_id), _SCHEMA_VERSION, _SOURCE)
    if decision_id is not None:
        headers = (headers[0], ("decision_id", decision_id.encode()), _SCHEMA_VERSION, _SOURCE)
    if traceparent is not None:
        # As received, whatever bytes that was: a header must not be able to end the worker.
        headers += (("traceparent", traceparent.encode(errors="surrogateescape")),)
    return headers


def _last_traceparent(outcome: Outcome) -> str | None:
    inputs = outcome.inputs
    last = inputs.normalized
    for signal in inputs.used.values():
        # Their whole order is asked for only where the times are the same.
        if (
            last is None
            or signal.timestamp > last.timestamp
            or (signal.timestamp == last.timestamp and signal.order > last.order)
        ):
            last = signal
    return None if last is None else last.traceparent

"""Topics: their names, what they have to be like, and making and checking them (contracts §2)."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType

from streams.clients import MAXIMUM_RECORD_BYTES, REQUEST_OVERHEAD_BYTES

logger = logging.getLogger(__name__)

NORMALIZED_TOPIC = "signals.normalized"
ENRICHED_PREFIX = "signals.enriched."
TICK_TOPIC = "orchestrator.tick"
LATE_TOPIC = "signals.late"
AUDIT_TOPIC = "audit.orchestration.decision"
DECISION_TOPIC = "orchestrated.decision"
FAN_OUT_TOPICS = ("risk.monitor.decision", "audit.decision", "portfolio.decision")
DEAD_LETTER_PREFIX = "dlq."

_HOUR = 3_600_000
_DAY = 24 * _HOUR
_INPUT_BYTES = 2 * 1024 * 1024
_LARGE_BYTES = MAXIMUM_RECORD_BYTES + REQUEST_OVERHEAD_BYTES
ANSWER_SECONDS = 15.0
REACH_SECONDS = 5.0
"""For the first question: so long a broker that is away goes unmentioned, and a worker that waits for it cannot stop."""


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """What a topic has to be like. ``partitions_matter``: another count is a refusal to start."""

    name: str
    cleanup: str
    retention_ms: int
    maximum_bytes: int
    partitions_matter: bool = False
    log_append_time: bool = False
    extra: Mapping[str, str] | None = None

    def configuration(self) -> dict[str, str]:
        configuration = {"cleanup.policy": self.cleanup, "max.message.bytes": str(self.maximum_bytes)}
        if self.cleanup == "delete":
            configuration["retention.ms"] = str(self.retention_ms)
        if self.log_append_time:
            configuration["message.timestamp.type"] = "LogAppendTime"
        return configuration | dict(self.extra or {})


class TopicsRefused(Exception):
    """The topics are not as they have to be, or could not be made. The text names each and says what to do."""


def input_topics(agents: Iterable[str]) -> tuple[str, ...]:
    """Normalized signals and one topic per agent that any workflow names."""
    return (NORMALIZED_TOPIC, *(ENRICHED_PREFIX + agent for agent in sorted(agents)))


def changelog_topic(app_id: str) -> str:
    """Named as Faust names the changelog of a table called `correlations`."""
    return f"{app_id}-correlations-changelog"


def topic_specs(agents: Iterable[str], routed: Iterable[str], app_id: str) -> list[TopicSpec]:
    """All topics that the orchestrator reads or writes. ``routed``: what the workflows' routes name."""
    inputs = input_topics(agents)
    outputs = sorted({DECISION_TOPIC, *FAN_OUT_TOPICS, *routed})
    specs = [
        TopicSpec(name, "delete", 7 * _DAY, _INPUT_BYTES, partitions_matter=True, log_append_time=True)
        for name in inputs
    ]
    specs += [TopicSpec(name, "delete", 30 * _DAY, _LARGE_BYTES) for name in outputs]
    specs.append(TopicSpec(AUDIT_TOPIC, "delete", 365 * _DAY, _LARGE_BYTES))
    specs.append(TopicSpec(LATE_TOPIC, "delete", 7 * _DAY, _LARGE_BYTES))
    specs.append(
        TopicSpec(
            TICK_TOPIC,
            "delete",
            _HOUR,
            _INPUT_BYTES,
            partitions_matter=True,
            log_append_time=True,
            extra={"segment.ms": str(_HOUR // 4)},
        )
    )
    specs.append(
        TopicSpec(
            changelog_topic(app_id),
            "compact",
            0,
            _LARGE_BYTES,
            partitions_matter=True,
            extra={"delete.retention.ms": str(7 * _DAY)},
        )
    )
    dead = sorted({*inputs, *outputs, AUDIT_TOPIC, LATE_TOPIC})
    specs += [TopicSpec(DEAD_LETTER_PREFIX + name, "delete", 30 * _DAY, _LARGE_BYTES) for name in dead]
    return specs


def ensure_topics(
    client: Mapping[str, Any], specs: Sequence[TopicSpec], *, partitions: int, replication: int, create: bool
) -> list[str]:
    """Make what is missing, check what is there; returns warnings.

    Raises TopicsRefused for a wrong partition count or a missing topic that may not be made, KafkaException when the
    broker does not answer.
    """
    admin = AdminClient(dict(client))
    existing = admin.list_topics(timeout=REACH_SECONDS).topics
    missing = [spec for spec in specs if spec.name not in existing]
    problems: list[str] = []
    if missing and not create:
        problems += [f"{spec.name} does not exist, and ORCHESTRATOR_CREATE_TOPICS is off" for spec in missing]
    elif missing:
        problems += _create(admin, missing, partitions, replication)
    for spec in specs:
        found = existing.get(spec.name)
        if found is not None and spec.partitions_matter and len(found.partitions) != partitions:
            problems.append(
                f"{spec.name} has {len(found.partitions)} partitions, expected {partitions}: make it anew with {partitions}, "
                "or set ORCHESTRATOR_PARTITIONS if all inputs, the tick topic and the changelog have another count"
            )
    if problems:
        raise TopicsRefused("; ".join(problems))
    return _differences(admin, [spec for spec in specs if spec.name in existing])


def _create(admin: AdminClient, specs: Sequence[TopicSpec], partitions: int, replication: int) -> list[str]:
    futures = admin.create_topics(
        [NewTopic(spec.name, partitions, replication, config=spec.configuration()) for spec in specs],
        request_timeout=ANSWER_SECONDS,
        operation_timeout=ANSWER_SECONDS,
    )
    problems = []
    for name, future in futures.items():
        try:
            future.result()
        except KafkaException as exception:
            # Another worker that starts at the same moment makes them too.
            if exception.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                problems.append(f"{name} could not be made: {exception.args[0].str()}")
    return problems


def _differences(admin: AdminClient, specs: Sequence[TopicSpec]) -> list[str]:
    if not specs:
        return []
    resources = {ConfigResource(ResourceType.TOPIC, spec.name): spec for spec in specs}
    warnings = []
    for resource, future in admin.describe_configs(list(resources), request_timeout=ANSWER_SECONDS).items():
        spec = resources[resource]
        try:
            found = future.result()
        except KafkaException as exception:
            warnings.append(f"{spec.name}: its settings could not be read: {exception.args[0].str()}")
            continue
        for name, expected in spec.configuration().items():
            value = found[name].value if name in found else None
            if value == expected or (name == "max.message.bytes" and int(value or 0) >= int(expected)):
                continue
            if name == "segment.ms":
                continue
            why = " (producers' clocks count then)" if name == "message.timestamp.type" else ""
            warnings.append(f"{spec.name}: {name} is {value}, expected {expected}{why}")
    return warnings

"""Where the messages of one corr_id may lie in Kafka."""

from agents.replay.task import Source, Task
from orchestration.partitioning import partition_of
from streams.clients import client_settings, consumer_settings
from streams.recordings.kafka_ends import capture, partition_counts
from streams.recordings.kafka_range import KafkaRange
from streams.recordings.ranges import Wanted
from streams.recordings.read import RecordingError
from streams.topics import DEAD_LETTER_PREFIX, TICK_TOPIC, changelog_topic, topic_specs

OTHERS = ("signals.raw", "executions.fill", "executions.reconcile")


def open_trace(task: Task, corr_id: str, since: int | None) -> Source:
    """Its partition of each topic of the flow, and all of the dead letters, whose key may be another. Raises RecordingError."""
    settings, workflows = task.settings, task.load().workflows
    client = client_settings(settings)
    own = {TICK_TOPIC, changelog_topic(settings.app_id)}
    names = [spec.name for spec in topic_specs(workflows.agents, workflows.topics, settings.app_id)]
    wanted = [name for name in (*names, *OTHERS) if name not in own]
    counts = partition_counts(client)
    if not any(name in counts for name in wanted):
        raise RecordingError("expected at least one topic of the flow to exist, found none")
    spans = [
        span
        for span in capture(client, wanted, Wanted(since))
        if span.topic.startswith(DEAD_LETTER_PREFIX)
        or span.partition == partition_of(corr_id.encode(), counts[span.topic])
    ]
    return KafkaRange(consumer_settings(settings, f"{settings.app_id}-trace"), spans)

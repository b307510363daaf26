"""Putting the mirror together from the settings, the workflows and the rules file."""

import logging
import socket

from config.mirror.loader import load_mirror_rules
from config.mirror.rules import MirrorRules
from config.settings import Settings
from orchestration.workflows import Workflows
from streams.clients import consumer_settings, writer_settings
from streams.mirror.connection import connection_options
from streams.mirror.inbound import InboundSettings
from streams.mirror.jetstream import Feed, durable_of
from streams.mirror.mirror import Mirror, MirrorSettings
from streams.mirror.observer import MirrorObserver
from streams.mirror.outbound_message import OutboundRules
from streams.mirror.position import positions_spec, positions_topic
from streams.topics import NORMALIZED_TOPIC, TopicSpec, input_topics, topic_specs

logger = logging.getLogger(__name__)

EXECUTION_TOPICS = ("executions.fill", "executions.reconcile")
_NOT_OURS_TO_SEND = ("orchestrator.tick",)


def mirror_topics(settings: Settings, workflows: Workflows) -> list[TopicSpec]:
    """All topics that the mirror reads or writes: those of the orchestrator, and the one of its positions."""
    specs = topic_specs(workflows.agents, workflows.topics, settings.app_id)
    return [*specs, positions_spec(settings.app_id)]


def build_mirror(settings: Settings, workflows: Workflows, observer: MirrorObserver) -> Mirror:
    """Talks to no server yet. Raises ConfigurationError for a bad rules file and for key files that others may read."""
    rules = load_mirror_rules(settings.mirror_rules)
    # Asked again with each connection; a wrong file is told at the start.
    connection_options(settings)
    feeds = _feeds(settings, workflows, rules)
    subjects = _outputs(settings, workflows, rules)
    consumer = consumer_settings(settings, "unused")
    member = {
        "partition.assignment.strategy": "cooperative-sticky",
        "session.timeout.ms": settings.session_timeout_sec * 1000,
        "heartbeat.interval.ms": min(2000, settings.session_timeout_sec * 250),
        "enable.partition.eof": False,
        "auto.offset.reset": settings.start or "earliest",
    }
    if settings.worker_id is not None:
        # A mirror that is back within the session goes on with what it had.
        member["group.instance.id"] = f"{settings.app_id}-mirror-{settings.worker_id}"
    return Mirror(
        MirrorSettings(
            nats=settings,
            name=f"{settings.app_id}-mirror@{socket.gethostname()}",
            feeds=feeds,
            inbound=InboundSettings(
                stream=settings.nats_stream,
                header_names=rules.headers.into_kafka,
                outbound_subjects=frozenset(subjects.values()),
                positions_topic=positions_topic(settings.app_id),
                writer_configuration=writer_settings(settings),
                consumer_configuration=consumer,
                transactional_prefix=f"{settings.app_id}-mirror",
                transaction_timeout=float(settings.transaction_timeout_sec),
            ),
            outbound=OutboundRules(
                stream=settings.nats_stream,
                subjects=subjects,
                both_ways=frozenset(feed.topic for feed in feeds),
                header_names=rules.headers.out_to_nats,
            ),
            partitions=settings.partitions,
            member_configuration=consumer | member | {"group.id": f"{settings.app_id}-mirror-in"},
            reader_configuration=consumer | member | {"group.id": f"{settings.app_id}-mirror-out"},
        ),
        observer,
    )


def _feeds(settings: Settings, workflows: Workflows, rules: MirrorRules) -> list[Feed]:
    feeds = []
    for topic in input_topics(workflows.agents):
        subject = rules.subject_of_input(topic)
        if subject is None:
            logger.warning("mirror: no rule feeds %s from NATS", topic)
        else:
            feeds.append(Feed(subject, topic, durable_of(settings.nats_durable, subject)))
    return feeds


def _outputs(settings: Settings, workflows: Workflows, rules: MirrorRules) -> dict[str, str]:
    inputs = {*input_topics(workflows.agents)} - {NORMALIZED_TOPIC}
    internal = {*_NOT_OURS_TO_SEND, f"{settings.app_id}-correlations-changelog", *inputs}
    topics = {spec.name for spec in topic_specs(workflows.agents, workflows.topics, settings.app_id)}
    found = {}
    for topic in sorted({*topics, *EXECUTION_TOPICS} - internal):
        subject = rules.subject_of_output(topic)
        if subject is not None:
            found[topic] = subject
        elif topic in workflows.topics:
            logger.warning("mirror: no rule sends %s to NATS", topic)
    return found

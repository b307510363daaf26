"""How our clients reach Kafka: one place for addresses, security and sizes."""

import logging
from typing import Any

from config.kafka_settings import KafkaSettings

MAXIMUM_RECORD_BYTES = 8 * 1024 * 1024
"""What dead letters, late signals, audit records and the changelog may hold (contracts §2)."""

REQUEST_OVERHEAD_BYTES = 512 * 1024

_RETRY_BACKOFF_MS = 5
"""librdkafka's default of 100 is what a transaction waits when it meets the broker still writing the last one's markers."""


def client_settings(settings: KafkaSettings) -> dict[str, Any]:
    """librdkafka configuration that every client of ours shares."""
    configuration: dict[str, Any] = {
        "bootstrap.servers": settings.kafka_bootstrap_servers,
        "security.protocol": settings.kafka_security_protocol,
        "retry.backoff.ms": _RETRY_BACKOFF_MS,
        "retry.backoff.max.ms": 1000,
        "reconnect.backoff.ms": 50,
        "reconnect.backoff.max.ms": 2000,
        "socket.keepalive.enable": True,
        "logger": logging.getLogger("librdkafka"),
    }
    optional = {
        "sasl.mechanism": settings.kafka_sasl_mechanism,
        "sasl.username": settings.kafka_sasl_username,
        "sasl.password": settings.kafka_sasl_password and settings.kafka_sasl_password.get_secret_value(),
        "ssl.ca.location": settings.kafka_ssl_cafile and str(settings.kafka_ssl_cafile),
        "ssl.certificate.location": settings.kafka_ssl_certfile and str(settings.kafka_ssl_certfile),
        "ssl.key.location": settings.kafka_ssl_keyfile and str(settings.kafka_ssl_keyfile),
        "ssl.key.password": settings.kafka_ssl_password and settings.kafka_ssl_password.get_secret_value(),
    }
    configuration.update({name: value for name, value in optional.items() if value is not None})
    return configuration


def producer_settings(settings: KafkaSettings) -> dict[str, Any]:
    """For every producer of ours: idempotent, Kafka's own partitioner, records of up to 8 MiB."""
    return client_settings(settings) | {
        "enable.idempotence": True,
        # librdkafka's own default agrees with Kafka's murmur2 for a quarter of the keys only.
        "partitioner": "murmur2_random",
        "compression.type": "lz4",
        "message.max.bytes": MAXIMUM_RECORD_BYTES + REQUEST_OVERHEAD_BYTES,
        "linger.ms": 2,
        "queue.buffering.max.messages": 1_000_000,
        "queue.buffering.max.kbytes": 256 * 1024,
        # A topic that is gone is told after this, not after five minutes.
        "topic.metadata.propagation.max.ms": 5000,
    }


def writer_settings(settings: KafkaSettings) -> dict[str, Any]:
    """For the producers that commit: those of ``producer_settings``, which say nothing in the log.

    A fatal error (another owner has fenced this one) is raised by the call that meets it. With a logger, librdkafka's
    line about it is logged before that call returns: confluent-kafka calls Python while the exception is pending, what
    comes out is a SystemError or an AttributeError, and the worker would end where it has only lost a partition.
    ``tests/real/test_fencing.py`` shows it. Nothing is lost by silence: what these producers have to say is raised.
    """
    configuration = producer_settings(settings)
    del configuration["logger"]
    return configuration | {"log_level": 0}


def consumer_settings(settings: KafkaSettings, group_id: str) -> dict[str, Any]:
    """For every consumer of ours: only committed records, positions are ours to keep, no silent jump to another offset."""
    return client_settings(settings) | {
        "group.id": group_id,
        "isolation.level": "read_committed",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "error",
        "enable.partition.eof": True,
        "fetch.message.max.bytes": MAXIMUM_RECORD_BYTES + REQUEST_OVERHEAD_BYTES,
        "receive.message.max.bytes": 256 * 1024 * 1024,
        "fetch.wait.max.ms": 50,
    }

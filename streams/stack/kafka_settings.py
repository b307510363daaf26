"""The files that a one-node Kafka reads: its properties, the identity of its disk, its log settings."""

import base64
import uuid
from collections.abc import Mapping
from pathlib import Path

_MEBIBYTE = 1024 * 1024
# Above the largest topic setting of the contracts (8 MiB), with room for the batch around a single record.
_LARGEST_MESSAGE = 9 * _MEBIBYTE

QUICK_RESTART: Mapping[str, str] = {
    "broker.session.timeout.ms": "2000",
    "broker.heartbeat.interval.ms": "200",
}
"""For brokers that will be killed: after kill -9 the controller still believes in the dead broker, and refuses the new
one until the session is over."""


def broker_properties(*, broker_port: int, controller_port: int, data: Path, extra: Mapping[str, str]) -> str:
    """``extra`` wins over the defaults here."""
    properties = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
        "listeners": f"CLIENTS://127.0.0.1:{broker_port},CONTROLLER://127.0.0.1:{controller_port}",
        "advertised.listeners": f"CLIENTS://127.0.0.1:{broker_port}",
        "listener.security.protocol.map": "CLIENTS:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "CLIENTS",
        "controller.listener.names": "CONTROLLER",
        "log.dirs": str(data),
        # A topic made by accident would have one partition, and the lane needs one count for all.
        "auto.create.topics.enable": "false",
        "default.replication.factor": "1",
        # One node: the usual three replicas would keep groups and transactions waiting for ever.
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "4",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "share.coordinator.state.topic.num.partitions": "1",
        "group.initial.rebalance.delay.ms": "0",
        "group.min.session.timeout.ms": "1000",
        "message.max.bytes": str(_LARGEST_MESSAGE),
        "replica.fetch.max.bytes": str(_LARGEST_MESSAGE),
        # Kafka's own. At 1000 and 2000 a machine with ten times more work than cores was seen to fence a broker that
        # was alive: its partitions lose their leader, and clients are refused with FENCED_LEADER_EPOCH.
        "broker.session.timeout.ms": "9000",
        "broker.heartbeat.interval.ms": "500",
        # 128 MiB of the heap by default.
        "log.cleaner.dedupe.buffer.size": str(16 * _MEBIBYTE),
        "num.recovery.threads.per.data.dir": "2",
    }
    return "".join(f"{name}={value}\n" for name, value in {**properties, **extra}.items())


def write_identity(data: Path, bootstrap_checkpoint: str) -> None:
    """Does what Kafka's format tool does, without starting Java for it. A disk that has an identity keeps it.

    Without the checkpoint the broker starts as well, but with every feature but the metadata version at level 0:
    no transactions of the second version (KIP-890), no new group protocol.
    """
    identity = data / "meta.properties"
    if identity.exists():
        return
    data.mkdir(parents=True, exist_ok=True)
    (data / "bootstrap.checkpoint").write_bytes(base64.b64decode(bootstrap_checkpoint))
    # Last: its presence says that all is there.
    identity.write_text(f"version=1\ncluster.id={_kafka_id()}\nnode.id=1\ndirectory.id={_kafka_id()}\n")


def _kafka_id() -> str:
    while True:
        text = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        # Kafka's own tool leaves these out: on a command line they look like an option.
        if not text.startswith("-"):
            return text


LOG_SETTINGS = """\
status=error
appender.console.type=Console
appender.console.name=console
appender.console.layout.type=PatternLayout
appender.console.layout.pattern=%d{ISO8601} %-5p %c{1} %m%n
rootLogger.level=warn
rootLogger.appenderRef.console.ref=console
logger.core.name=kafka
logger.core.level=info
logger.modules.name=org.apache.kafka
logger.modules.level=info
# Both print each of some four hundred settings.
logger.core_settings.name=kafka.server.KafkaConfig
logger.core_settings.level=warn
logger.settings.name=org.apache.kafka.common.config
logger.settings.level=warn
"""

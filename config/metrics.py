"""The orchestrator's metrics: one typed catalogue (contracts §9 and what operations need), and its instances."""

from dataclasses import dataclass
from typing import Literal, cast

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

Kind = Literal["counter", "gauge", "histogram"]

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
# Correlations wait for agents up to their timeout (300 s as shipped); 5 s is the limit of the health rule.
_LATENCY = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 180.0, 300.0, 600.0)


@dataclass(frozen=True, slots=True)
class MetricDefinition:
    """``name`` as it is scraped (a counter's ends in ``_total``). No label may ever hold a corr_id: one series per
    correlation fills the memory of Prometheus."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    unit: str = ""
    buckets: tuple[float, ...] = ()


CATALOGUE: tuple[MetricDefinition, ...] = (
    MetricDefinition(
        "orchestrator_signals_received_total",
        "counter",
        "Signals read, by agent; agent is `normalized` for normalized signals.",
        ("agent",),
    ),
    MetricDefinition("orchestrator_decisions_made_total", "counter", "Outcomes, by action.", ("type",)),
    MetricDefinition(
        "orchestrator_correlation_timeout_total", "counter", "Correlations decided at their deadline."
    ),
    MetricDefinition(
        "orchestrator_state_operations_total",
        "counter",
        "Operations on the state, by kind: put, restore; those that failed end in `_error`.",
        ("operation",),
    ),
    MetricDefinition(
        "orchestrator_decision_latency_seconds",
        "histogram",
        "First signal to decision, by record time.",
        unit="seconds",
        buckets=_LATENCY,
    ),
    MetricDefinition(
        "orchestrator_decision_delay_seconds",
        "histogram",
        "Record time of the last required signal to the decision's send, by wall clock.",
        unit="seconds",
        buckets=_SECONDS,
    ),
    MetricDefinition(
        "orchestrator_active_correlations", "gauge", "Correlations that wait for their outcome."
    ),
    MetricDefinition(
        "orchestrator_late_signals_total",
        "counter",
        "Signals that came too late to count.",
        ("agent", "reason"),
    ),
    MetricDefinition(
        "orchestrator_dead_letters_total",
        "counter",
        "Messages sent to a dlq topic, by their own topic.",
        ("topic", "reason"),
    ),
    MetricDefinition(
        "orchestrator_consumer_lag",
        "gauge",
        "Records of the partition that are not read yet.",
        ("topic", "partition"),
    ),
    MetricDefinition(
        "orchestrator_mirror_messages_total",
        "counter",
        "Messages mirrored, in (NATS to Kafka) or out.",
        ("direction",),
    ),
    MetricDefinition(
        "orchestrator_mirror_skipped_total",
        "counter",
        "Messages that the mirror did not carry: duplicate (a redelivery of what is in Kafka), origin (it came from the "
        "other side).",
        ("direction", "reason"),
    ),
    MetricDefinition(
        "orchestrator_mirror_failures_total",
        "counter",
        "Attempts of the mirror that will be made again: batches in, messages out, connections lost or refused (nats).",
        ("direction",),
    ),
    MetricDefinition(
        "orchestrator_mirror_lag",
        "gauge",
        "Messages of a subject that are not mirrored yet, as seen by the mirror that carries it.",
        ("direction", "subject"),
    ),
    MetricDefinition(
        "orchestrator_mirror_connected",
        "gauge",
        "1 while the mirror has a connection to NATS and its stream, else 0.",
    ),
    MetricDefinition(
        "orchestrator_transactions_total",
        "counter",
        "Commits of a stretch of input: committed; fenced (another worker owns the partition now) or given_up, both read again.",
        ("result",),
    ),
    MetricDefinition(
        "orchestrator_transaction_seconds",
        "histogram",
        "Begin to commit of one transaction.",
        unit="seconds",
        buckets=_SECONDS,
    ),
    MetricDefinition(
        "orchestrator_transaction_messages",
        "histogram",
        "Messages in one transaction, changelog records among them.",
        buckets=(1, 3, 10, 30, 100, 300, 1000, 3000, 10000, 30000),
    ),
    MetricDefinition(
        "orchestrator_recovery_seconds",
        "histogram",
        "Assignment of a partition to its first fetch: fence, restore, seek.",
        unit="seconds",
        buckets=(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0),
    ),
    MetricDefinition(
        "orchestrator_recovered_rows_total",
        "counter",
        "Changelog records read while partitions were restored.",
    ),
    MetricDefinition("orchestrator_partitions_assigned", "gauge", "Partitions that this worker decides for."),
    MetricDefinition(
        "orchestrator_build_info",
        "gauge",
        "Always 1; what is running stands in the labels.",
        ("version", "workflows_digest"),
    ),
)


class Metrics:
    """The catalogue's metrics in a registry of their own, so that a second app in one process does not clash.

    One attribute per entry of ``CATALOGUE``, called by its name without ``orchestrator_`` and ``_total``. For the hot path keep
    what ``labels(…)`` returns: each call looks it up anew under a lock.
    """

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = CollectorRegistry(auto_describe=True) if registry is None else registry
        made = {definition.name: _instance(definition, self.registry) for definition in CATALOGUE}

        def counter(name: str) -> Counter:
            return cast(Counter, made[f"orchestrator_{name}"])

        def gauge(name: str) -> Gauge:
            return cast(Gauge, made[f"orchestrator_{name}"])

        def histogram(name: str) -> Histogram:
            return cast(Histogram, made[f"orchestrator_{name}"])

        self.signals_received = counter("signals_received_total")
        self.decisions_made = counter("decisions_made_total")
        self.correlation_timeout = counter("correlation_timeout_total")
        self.state_operations = counter("state_operations_total")
        self.decision_latency_seconds = histogram("decision_latency_seconds")
        self.decision_delay_seconds = histogram("decision_delay_seconds")
        self.active_correlations = gauge("active_correlations")
        self.late_signals = counter("late_signals_total")
        self.dead_letters = counter("dead_letters_total")
        self.consumer_lag = gauge("consumer_lag")
        self.mirror_messages = counter("mirror_messages_total")
        self.mirror_skipped = counter("mirror_skipped_total")
        self.mirror_failures = counter("mirror_failures_total")
        self.mirror_lag = gauge("mirror_lag")
        self.mirror_connected = gauge("mirror_connected")
        self.transactions = counter("transactions_total")
        self.transaction_seconds = histogram("transaction_seconds")
        self.transaction_messages = histogram("transaction_messages")
        self.recovery_seconds = histogram("recovery_seconds")
        self.recovered_rows = counter("recovered_rows_total")
        self.partitions_assigned = gauge("partitions_assigned")
        self.build_info = gauge("build_info")


def _instance(definition: MetricDefinition, registry: CollectorRegistry) -> Counter | Gauge | Histogram:
    name, text, labels = definition.name, definition.help, definition.labels
    if definition.kind == "counter":
        return Counter(name, text, labels, registry=registry)
    if definition.kind == "gauge":
        return Gauge(name, text, labels, registry=registry)
    return Histogram(name, text, labels, registry=registry, buckets=definition.buckets)

"""The metric catalogue holds what contracts §9 promise, and each app has its own instances."""

import re

import pytest
from prometheus_client import Counter, Gauge, Histogram, generate_latest

from config.metrics import CATALOGUE, MetricDefinition, Metrics

CONTRACT = {
    "orchestrator_signals_received_total": ("counter", ("agent",)),
    "orchestrator_decisions_made_total": ("counter", ("type",)),
    "orchestrator_correlation_timeout_total": ("counter", ()),
    "orchestrator_state_operations_total": ("counter", ("operation",)),
    "orchestrator_decision_latency_seconds": ("histogram", ()),
    "orchestrator_decision_delay_seconds": ("histogram", ()),
    "orchestrator_active_correlations": ("gauge", ()),
    "orchestrator_late_signals_total": ("counter", ("agent", "reason")),
    "orchestrator_dead_letters_total": ("counter", ("topic", "reason")),
    "orchestrator_consumer_lag": ("gauge", ("topic", "partition")),
    "orchestrator_mirror_messages_total": ("counter", ("direction",)),
}
BY_NAME = {definition.name: definition for definition in CATALOGUE}


@pytest.mark.parametrize("name", CONTRACT)
def test_a_metric_of_the_contracts_is_there_with_its_labels(name: str) -> None:
    assert (BY_NAME[name].kind, BY_NAME[name].labels) == CONTRACT[name]


@pytest.mark.parametrize("definition", CATALOGUE, ids=lambda definition: definition.name)
def test_a_definition_is_in_the_house_style(definition: MetricDefinition) -> None:
    assert re.fullmatch(r"orchestrator_[a-z_]+", definition.name)
    assert definition.name.endswith("_total") == (definition.kind == "counter")
    assert definition.name.endswith("_seconds") == (definition.unit == "seconds")
    assert definition.help.endswith(".")
    assert bool(definition.buckets) == (definition.kind == "histogram")
    assert list(definition.buckets) == sorted(set(definition.buckets))
    assert "corr_id" not in definition.labels


def test_no_name_is_used_twice() -> None:
    assert len(BY_NAME) == len(CATALOGUE)


def test_every_definition_has_an_attribute_of_its_kind_and_nothing_else_has() -> None:
    metrics = vars(Metrics())
    del metrics["registry"]
    kinds = {"counter": Counter, "gauge": Gauge, "histogram": Histogram}
    expected = {
        definition.name.removeprefix("orchestrator_").removesuffix("_total"): kinds[definition.kind]
        for definition in CATALOGUE
    }
    assert {name: type(metric) for name, metric in metrics.items()} == expected


def test_a_metric_is_scraped_under_its_name() -> None:
    metrics = Metrics()
    metrics.late_signals.labels("risk", "duplicate").inc()
    metrics.decision_delay_seconds.observe(0.2)
    text = generate_latest(metrics.registry).decode()
    assert 'orchestrator_late_signals_total{agent="risk",reason="duplicate"} 1.0' in text
    assert 'orchestrator_decision_delay_seconds_bucket{le="0.25"} 1.0' in text


def test_the_health_limits_are_bucket_bounds() -> None:
    # An alert on the share of decisions within a limit needs a bucket that ends there.
    assert 5.0 in BY_NAME["orchestrator_decision_latency_seconds"].buckets
    assert 1.0 in BY_NAME["orchestrator_decision_delay_seconds"].buckets


def test_two_apps_in_one_process_do_not_share_their_counts() -> None:
    first, second = Metrics(), Metrics()
    first.correlation_timeout.inc()
    assert first.registry.get_sample_value("orchestrator_correlation_timeout_total") == 1.0
    assert second.registry.get_sample_value("orchestrator_correlation_timeout_total") == 0.0

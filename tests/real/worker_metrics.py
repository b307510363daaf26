"""What a worker's /metrics says."""

from prometheus_client.parser import text_string_to_metric_families

from config.metrics import CATALOGUE
from tests.real.worker_process import Worker


def samples(worker: Worker) -> dict[tuple[str, tuple[str, ...]], float]:
    """Value by name and label values, in the order of the catalogue's labels."""
    labels = {definition.name: definition.labels for definition in CATALOGUE}
    found = {}
    for family in text_string_to_metric_families(worker.get("/metrics")[1]):
        for sample in family.samples:
            values = tuple(sample.labels[label] for label in labels.get(sample.name, ()))
            found[sample.name, values] = sample.value
    return found

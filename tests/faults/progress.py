"""How far a run is: which correlations are open now, and when everything has become quiet."""

import threading
import time
import uuid
from collections.abc import Iterable
from itertools import chain

from confluent_kafka import Consumer, IsolationLevel, KafkaException
from confluent_kafka.admin import OffsetSpec

from streams.records import log_record
from streams.topics import DECISION_TOPIC, changelog_topic
from tests.faults.ledger import Ledger, now_ms
from tests.faults.observed_rows import changelog_row
from tests.faults.reading import committed_records
from tests.faults.sender import Sender
from tests.real.broker import QUIET, Broker

_POLL_SECONDS = 0.2
_COUNTED_BY_READING = 500


class Progress:
    """Counts the decided correlations from ``orchestrated.decision`` as they come, in a thread, from the topic's beginning."""

    def __init__(self, bootstrap_servers: str) -> None:
        self.decided: dict[str, int] = {}
        self._stopped = threading.Event()
        self._consumer = Consumer(
            QUIET
            | {
                "bootstrap.servers": bootstrap_servers,
                "group.id": f"progress-{uuid.uuid4().hex}",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "auto.offset.reset": "earliest",
                "fetch.wait.max.ms": 100,
                "reconnect.backoff.max.ms": 1000,
            }
        )
        self._consumer.subscribe([DECISION_TOPIC])
        self._thread = threading.Thread(target=self._run, name="progress", daemon=True)
        self._thread.start()

    def open(self, sender: Sender) -> int:
        """Correlations that the sender has opened and that are not decided; a moment old."""
        return len(sender.opened.copy() - self.decided.keys())

    def decided_since(self, time_ms: int, corr_ids: Iterable[str]) -> bool:
        """Whether one of these was decided after that time: recovery is over when a partition decides again."""
        return any(self.decided.get(corr_id, 0) > time_ms for corr_id in corr_ids)

    def close(self) -> None:
        self._stopped.set()
        self._thread.join()
        self._consumer.close()

    def _run(self) -> None:
        while not self._stopped.is_set():
            for message in self._consumer.consume(1000, 0.1):
                if message.error() is None and (key := log_record(message).key) is not None:
                    self.decided.setdefault(key.decode(), now_ms())


def unread(broker: Broker, group: str, inputs: Iterable[str]) -> int:
    """Records of the inputs that a read_committed reader sees and that the group has not committed.

    Not the distance to the ends: what an aborted transaction left at the end of a partition is never read.
    """
    places = broker.places(inputs)
    begins = broker.offsets(places, OffsetSpec.earliest())
    ends = broker.offsets(places, OffsetSpec.latest(), IsolationLevel.READ_COMMITTED)
    committed = broker.group_offsets(group, places)
    begins = {place: max(begin, committed.get(place, 0)) for place, begin in begins.items()}
    distance = sum(max(0, ends[place] - begin) for place, begin in begins.items())
    if distance > _COUNTED_BY_READING:
        return distance
    return sum(map(len, committed_records(broker.bootstrap_servers, begins, ends)))


def open_rows(broker: Broker, app_id: str) -> list[str]:
    """The correlations that wait for their outcome, by the changelog's last rows."""
    places = broker.places([changelog_topic(app_id)])
    begins = broker.offsets(places, OffsetSpec.earliest())
    ends = broker.offsets(places, OffsetSpec.latest(), IsolationLevel.READ_COMMITTED)
    status: dict[str, str] = {}
    for record in chain.from_iterable(committed_records(broker.bootstrap_servers, begins, ends)):
        for _, (_, corr_id, now, _) in changelog_row(record):
            status[corr_id] = now
    return [corr_id for corr_id, now in status.items() if now == "collecting"]


def wait_until_quiet(
    broker: Broker,
    ledger: Ledger,
    *,
    group: str,
    inputs: Iterable[str],
    opened: Iterable[str],
    progress: Progress,
    timeout_seconds: float,
    patience_seconds: float = 120.0,
) -> None:
    """Returns when the group has read all inputs and no correlation is open, or after ``patience_seconds``.

    To be called when the sender has finished and the last fault is over. ``opened``: those that must have been decided by
    then. Notes ``lag_zero_ms``: how long the lag took to become 0 from now, where it did, and ``quiet``. What is missing
    then is for the invariants to say.
    """
    began, names, wanted = time.monotonic(), list(inputs), set(opened)
    deadline = began + patience_seconds
    settled_since: float | None = None
    while time.monotonic() < deadline:
        try:
            lag = unread(broker, group, names)
            # What nobody acknowledged may have opened a correlation too: only the state knows of it.
            done = lag == 0 and wanted <= progress.decided.keys() and not open_rows(broker, group)
        except (KafkaException, TimeoutError):
            lag, done = -1, False
        if lag == 0 and settled_since is None:
            settled_since = time.monotonic()
            ledger.note({"lag_zero_ms": round((settled_since - began) * 1000)})
        elif lag != 0:
            settled_since = None
        if done:
            ledger.note({"quiet": 1})
            return
        # Deadlines that have not come by now were forgotten: no use in waiting longer.
        if settled_since is not None and time.monotonic() - settled_since > 3 * timeout_seconds + 15:
            break
        time.sleep(_POLL_SECONDS)
    ledger.note({"quiet": 0})

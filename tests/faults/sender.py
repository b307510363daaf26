"""Sends a workload and writes down what the broker said of each message."""

import threading
import time
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Self

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from streams.records import offset_of, place_of
from tests.faults.ledger import Ledger, LedgerRow, Result
from tests.faults.planned import Planned
from tests.real.broker import QUIET

_REFUSED = frozenset(
    {
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.INVALID_RECORD,
        KafkaError._PURGE_QUEUE,
        KafkaError._QUEUE_FULL,
    }
)
"""After these the message is surely not in the log; after any other error nobody knows."""

_OPENING = frozenset({"signal", "duplicate", "conflict", "late", "hot"})
_LARGEST = 9 * 1024 * 1024
_LAST_PATIENCE_SECONDS = 120.0


class Sender:
    """Produces through ``bootstrap_servers``, which may be a proxy's address; at most ``rate`` messages a second.

    Readable at any time: ``sent``, ``acknowledged``, ``opened`` (corr_ids that an acknowledged message has opened),
    ``finished``. ``run`` blocks; ``start`` and ``join`` do the same in a thread.
    """

    def __init__(self, bootstrap_servers: str, ledger: Ledger, rate: float, partitions: int) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._ledger = ledger
        self._rate = rate
        self._partitions = partitions
        self._producer = self._new_producer()
        self._waiting: dict[int, Planned] = {}
        self._thread: threading.Thread | None = None
        self._failure: BaseException | None = None
        self._stopped = threading.Event()
        self.sent = 0
        self.acknowledged = 0
        self.opened: set[str] = set()
        self.finished = False

    def start(self, workload: Iterable[Planned]) -> Self:
        self._thread = threading.Thread(target=self._run_kept, args=[workload], name="sender", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Send nothing more; ``join`` has to follow."""
        self._stopped.set()

    def join(self) -> None:
        """Returns when everything has been sent and answered for. Raises what the sending raised."""
        assert self._thread is not None
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def run(self, workload: Iterable[Planned]) -> None:
        began = time.monotonic()
        pace = began
        for planned in workload:
            if self._stopped.is_set():
                break
            # After an outage what is overdue goes out at the rate, not all at once.
            pace = max(pace + 1 / self._rate, began + planned.due)
            while (early := pace - time.monotonic()) > 0.002:
                self._producer.poll(min(early, 0.05))
            pace = max(pace, time.monotonic() - 1.0)
            self._send(planned)
        self._finish()

    def _run_kept(self, workload: Iterable[Planned]) -> None:
        try:
            self.run(workload)
        except BaseException as error:  # noqa: BLE001 - raised again by join
            self._failure = error
            self.finished = True

    def _send(self, planned: Planned) -> None:
        self._waiting[planned.id] = planned

        def delivered(error: KafkaError | None, message: Message) -> None:
            self._delivered(planned, error, message)

        while True:
            try:
                self._producer.produce(
                    planned.topic,
                    planned.value,
                    planned.key,
                    planned.partition(self._partitions),
                    on_delivery=delivered,
                    headers=planned.headers,
                )
            except BufferError:
                self._producer.poll(0.1)
            except KafkaException as exception:
                error: KafkaError = exception.args[0]
                if error.code() in _REFUSED:
                    self._note(planned, "failed", None)
                    break
                # The idempotent producer gave up for good: what it held is unknown, a new one goes on.
                self._nobody_knows()
                self._producer = self._new_producer()
                self._waiting[planned.id] = planned
            else:
                break
        self.sent += 1
        self._producer.poll(0)

    def _delivered(self, planned: Planned, error: KafkaError | None, message: Message) -> None:
        if error is None:
            self._note(planned, "ok", message)
        else:
            self._note(planned, "failed" if error.code() in _REFUSED else "unknown", None)

    def _note(self, planned: Planned, result: Result, message: Message | None) -> None:
        if self._waiting.pop(planned.id, None) is None:
            return
        if message is not None:
            self.acknowledged += 1
            if planned.kind in _OPENING:
                self.opened.add(planned.corr_id)
        self._ledger.messages([ledger_row(planned, result, message)])

    def _nobody_knows(self) -> None:
        for planned in list(self._waiting.values()):
            self._note(planned, "unknown", None)

    def _finish(self) -> None:
        self._producer.flush(_LAST_PATIENCE_SECONDS)
        self._nobody_knows()
        self._ledger.flush()
        self.finished = True

    def _new_producer(self) -> Producer:
        return Producer(
            QUIET
            | {
                "bootstrap.servers": self._bootstrap_servers,
                "enable.idempotence": True,
                "acks": "all",
                "linger.ms": 5,
                "compression.type": "lz4",
                "message.max.bytes": _LARGEST,
                "message.timeout.ms": 120_000,
                "reconnect.backoff.max.ms": 1000,
            }
        )


class UncommittedBatch:
    """Messages in an open transaction of another producer; leaving the block aborts it.

    While it is open, readers of the inputs at read_committed stand before it, and the deadlines of its partitions wait:
    it is noted as a fault of its own.
    """

    def __init__(
        self,
        bootstrap_servers: str,
        ledger: Ledger,
        planned: Iterable[Planned],
        partitions: int,
        timeout_seconds: float = 10.0,
    ) -> None:
        self._ledger = ledger
        self._planned = list(planned)
        self._partitions = partitions
        self._timeout = timeout_seconds
        configuration: dict[str, Any] = {
            "bootstrap.servers": bootstrap_servers,
            "transactional.id": f"uncommitted-{self._planned[0].corr_id}",
            "transaction.timeout.ms": round(timeout_seconds * 1000),
            "message.timeout.ms": round(timeout_seconds * 1000),
        }
        self._producer = Producer(QUIET | configuration)
        self._fault: int | None = None

    def __enter__(self) -> Self:
        self._producer.init_transactions(60)
        self._producer.begin_transaction()
        self._fault = self._ledger.fault_began("uncommitted batch in the inputs")
        for planned in self._planned:
            self._producer.produce(
                planned.topic,
                planned.value,
                planned.key,
                planned.partition(self._partitions),
                headers=planned.headers,
            )
        self._producer.flush(self._timeout)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._fault is not None
        try:
            self._producer.abort_transaction(self._timeout)
        except KafkaException:
            # The broker is away, or its time was over: then the broker aborts it by itself.
            note = "aborted by the broker"
        else:
            note = "aborted"
        self._ledger.messages(ledger_row(planned, "aborted", None) for planned in self._planned)
        self._ledger.fault_ended(self._fault, landed=True, note=note)
        self._ledger.recovered(self._fault)


def ledger_row(planned: Planned, result: Result, message: Message | None) -> LedgerRow:
    place: tuple[int | None, int | None, int | None] = (None, None, None)
    if message is not None:
        timestamp: Any = message.timestamp()
        place = (place_of(message)[1], offset_of(message), timestamp[1])
    return LedgerRow(
        planned.id,
        planned.corr_id,
        planned.agent,
        planned.kind,
        planned.topic,
        planned.sha256,
        result,
        *place,
    )

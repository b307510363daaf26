"""The loop around the fold: one partition's records and its time in, messages and rows out.

A live worker, a replay, the simulator and the test driver all use this one; they differ in where records come from,
where rows are kept and where messages go.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from orchestration.correlation import Context, Happening, TimePassed, Together, TooLarge, fold
from orchestration.dead_letter import DeadLetter, dead_letter_message
from orchestration.effects import late_message, outcome_messages
from orchestration.intake import Intake
from orchestration.late import LateSignal
from orchestration.message import Message
from orchestration.outcome import Outcome
from orchestration.record import Record
from orchestration.signal import PROCESSING_ERROR, Signal, SignalError
from orchestration.table import CorrelationTable

UNEXPECTED = SignalError(PROCESSING_ERROR, "signal: one that can be processed")


@dataclass(slots=True)
class Effects:
    """What came of a batch. ``messages`` in the order in which they are to be sent; the rest is for metrics and logs."""

    messages: list[Message] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    late: list[LateSignal] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    invalid: list[Signal] = field(default_factory=list)
    received: Counter[str] = field(default_factory=Counter)
    rows_written: int = 0

    def __bool__(self) -> bool:
        return bool(self.messages or self.received or self.rows_written)


class PartitionProcessor:
    """Folds one partition. ``positions``: per input topic the offset that is read next, as the audit record tells it.

    ``sends`` is False for a caller that wants outcomes alone: no messages are made of them.
    """

    def __init__(
        self,
        intake: Intake,
        context: Context,
        table: CorrelationTable,
        positions: dict[str, int] | None = None,
        *,
        sends: bool = True,
    ) -> None:
        self._intake = intake
        self._context = context
        self._table = table
        self._sends = sends
        self.positions: dict[str, int] = {} if positions is None else positions

    def take(self, records: Iterable[Record], effects: Effects) -> None:
        """Take records in the order in which they come."""
        for record in records:
            signal = self._read(record, effects)
            if signal is not None:
                self._fold(record, signal, effects)

    def take_together(self, records: Iterable[Record], effects: Effects) -> None:
        """Take records, per topic in log order, all of which are read before anything is decided (``Together``)."""
        by_corr_id: dict[str, list[tuple[Record, Signal]]] = {}
        for record in records:
            signal = self._read(record, effects)
            if signal is not None:
                by_corr_id.setdefault(signal.corr_id, []).append((record, signal))
        for corr_id, read in by_corr_id.items():
            row = self._table.get(corr_id)
            together = Together([signal for _, signal in read])
            folded, happenings = fold(row, together, self._context)
            if folded is not row:
                self._table.put(corr_id, folded)
                effects.rows_written += 1
            record_of = {id(signal): record for record, signal in read}
            for happening in happenings:
                refused = record_of[id(happening.signal)] if isinstance(happening, TooLarge) else None
                self._happened(happening, refused, effects)

    def _read(self, record: Record, effects: Effects) -> Signal | None:
        if record.topic in self._intake.topics:
            self.positions[record.topic] = record.offset + 1
        signal = self._intake.read(record)
        if isinstance(signal, DeadLetter):
            self._dead_letter(signal, effects)
            return None
        effects.received[signal.agent] += 1
        if signal.error is not None:
            effects.invalid.append(signal)
            self._dead_letter(DeadLetter.of_invalid(record, signal.error, signal.corr_id), effects)
        return signal

    def time_passed(self, time: int, effects: Effects) -> None:
        """Time is later than ``time`` (ms), and every input of the partition has been read up to there."""
        event = TimePassed(time)
        for corr_id in list(self._table.due(time)):
            row = self._table.get(corr_id)
            folded, happenings = fold(row, event, self._context)
            # Put even when nothing changed: the table took it from the due ones, and has to look again later.
            self._table.put(corr_id, folded)
            effects.rows_written += 1
            for happening in happenings:
                self._happened(happening, None, effects)

    def _fold(self, record: Record, signal: Signal, effects: Effects) -> None:
        row = self._table.get(signal.corr_id)
        try:
            folded, happenings = fold(row, signal, self._context)
        except Exception:
            if signal.error is not None:
                raise
            # One agent's strange payload must not stop the partition for all others: it counts as reported, invalid.
            broken = Signal(
                signal.corr_id,
                signal.agent,
                signal.topic,
                signal.partition,
                signal.offset,
                signal.timestamp,
                None,
                signal.sha256,
                error=UNEXPECTED,
            )
            effects.invalid.append(broken)
            self._dead_letter(DeadLetter.of_invalid(record, UNEXPECTED, signal.corr_id), effects)
            folded, happenings = fold(row, broken, self._context)
        if folded is not row:
            self._table.put(signal.corr_id, folded)
            effects.rows_written += 1
        for happening in happenings:
            self._happened(happening, record, effects)

    def _happened(self, happening: Happening, record: Record | None, effects: Effects) -> None:
        if isinstance(happening, LateSignal):
            effects.late.append(happening)
            if happening.written and self._sends:
                effects.messages.append(
                    late_message(happening.signal, happening.reason, happening.decision_id)
                )
        elif isinstance(happening, TooLarge):
            if record is None:
                raise TypeError("only a record can make a row too large")
            self._dead_letter(DeadLetter.too_large_for_row(record, happening.signal.corr_id), effects)
        else:
            effects.outcomes.append(happening)
            if self._sends:
                effects.messages.extend(outcome_messages(happening, self.positions))

    def _dead_letter(self, dead_letter: DeadLetter, effects: Effects) -> None:
        effects.dead_letters.append(dead_letter)
        if self._sends:
            effects.messages.append(dead_letter_message(dead_letter))


__all__ = ["Effects", "Outcome", "PartitionProcessor"]

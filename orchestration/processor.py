"""The loop around the fold: one partition's records and its time in, messages and rows out.

A live worker, a replay, the simulator and the test driver all use this one; they differ in where records come from,
where rows are kept and where messages go.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from orchestration.correlation import Context, Happening, TimePassed, TooLarge, fold
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
    """Folds one partition. ``positions``: per input topic the offset that is read next, as the audit record tells it."""

    def __init__(
        self,
        intake: Intake,
        context: Context,
        table: CorrelationTable,
        positions: dict[str, int] | None = None,
    ) -> None:
        self._intake = intake
        self._context = context
        self._table = table
        self.positions: dict[str, int] = {} if positions is None else positions

    def take(self, records: Iterable[Record], effects: Effects) -> None:
        """Take records in the order in which they come."""
        read = self._intake.read
        positions, topics = self.positions, self._intake.topics
        for record in records:
            if record.topic in topics:
                positions[record.topic] = record.offset + 1
            signal = read(record)
            if isinstance(signal, DeadLetter):
                _dead_letter(signal, effects)
                continue
            effects.received[signal.agent] += 1
            if signal.error is not None:
                effects.invalid.append(signal)
                _dead_letter(DeadLetter.of_invalid(record, signal.error, signal.corr_id), effects)
            self._fold(record, signal, effects)

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
            _dead_letter(DeadLetter.of_invalid(record, UNEXPECTED, signal.corr_id), effects)
            folded, happenings = fold(row, broken, self._context)
        if folded is not row:
            self._table.put(signal.corr_id, folded)
            effects.rows_written += 1
        for happening in happenings:
            self._happened(happening, record, effects)

    def _happened(self, happening: Happening, record: Record | None, effects: Effects) -> None:
        if isinstance(happening, LateSignal):
            effects.late.append(happening)
            if happening.written:
                effects.messages.append(
                    late_message(happening.signal, happening.reason, happening.decision_id)
                )
        elif isinstance(happening, TooLarge):
            if record is None:
                raise TypeError("only a record can make a row too large")
            _dead_letter(DeadLetter.too_large_for_row(record, happening.signal.corr_id), effects)
        else:
            effects.outcomes.append(happening)
            effects.messages.extend(outcome_messages(happening, self.positions))


def _dead_letter(dead_letter: DeadLetter, effects: Effects) -> None:
    effects.dead_letters.append(dead_letter)
    effects.messages.append(dead_letter_message(dead_letter))


__all__ = ["Effects", "Outcome", "PartitionProcessor"]

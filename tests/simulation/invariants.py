"""What must hold for every seed. Each function is one sentence, and says what contradicts it."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import pairwise

from orchestration.record import LogRecord
from orchestration.rows import Collecting
from tests.faults.reference_rules import rounded
from tests.faults.reference_time import milliseconds_of
from tests.simulation.checks import committed_rows
from tests.simulation.observed import (
    AUDIT,
    DECISION,
    LATE,
    Coordinate,
    Json,
    Observed,
    dead_letter_place,
    decoded,
    late_place,
    observe,
)
from tests.simulation.rows import known_row
from tests.simulation.world import CHANGELOG, World


def violations(world: World) -> tuple[list[str], int]:
    """None where everything holds; and how many corr_ids were left out."""
    observed = observe(world)
    found = [
        *no_row_stays_at_the_end(world),
        *a_correlation_has_one_outcome_within_its_markers_time(observed),
        *whatever_is_sent_again_has_the_same_bytes(observed),
        *every_signal_is_in_exactly_one_place(observed),
        *no_deadline_comes_before_its_time(observed),
        *nobody_is_timed_out_whose_signal_was_in_the_log(observed),
        *a_newly_named_agent_counts_for_what_is_open(world, observed),
    ]
    # With two outcomes where one may be, nothing can be said about what each should have been.
    return found or list(every_outcome_is_the_reference_models(observed)), observed.left_out


def a_correlation_has_one_outcome_within_its_markers_time(observed: Observed) -> Iterator[str]:
    for outcomes in observed.outcomes.values():
        for earlier, later in pairwise(outcomes):
            if later.at <= earlier.expires:
                yield f"a second outcome within the marker's time: {earlier}, {later}"


def whatever_is_sent_again_has_the_same_bytes(observed: Observed) -> Iterator[str]:
    """At least once. Exactly once sends nothing again."""
    for topic, records in observed.sent.items():
        if topic == AUDIT:
            again = Counter((record.key, record.value, tuple(record.headers)) for record in records)
            if observed.guarantee == "exactly_once" and again and max(again.values()) > 1:
                yield "an audit record is sent twice"
            continue
        if topic != LATE and not topic.startswith("dlq."):
            continue
        place = late_place if topic == LATE else dead_letter_place
        bytes_of = defaultdict(list)
        for record in records:
            bytes_of[place(record)].append((record.key, record.value, tuple(record.headers)))
        for coordinate, copies in bytes_of.items():
            if observed.guarantee == "exactly_once" and len(copies) > 1:
                yield f"{topic}: {coordinate} is sent twice"
            elif len(set(copies)) > 1:
                yield f"{topic}: {coordinate} is sent again with other bytes"


def every_signal_is_in_exactly_one_place(observed: Observed) -> Iterator[str]:
    places: Counter[Coordinate] = Counter()
    for outcome in observed.all_outcomes():
        places.update(_counted_in(outcome.audit))
    places.update({late_place(record) for record in observed.sent[LATE]})
    for topic, records in observed.sent.items():
        if topic.startswith("dlq."):
            reasons = {
                dead_letter_place(record): dict(record.headers)["dlq_reason"].decode() for record in records
            }
            places.update(reasons.keys())
            for place, reason in reasons.items():
                if observed.rejected.get(place) != reason:
                    yield f"{place} is a dead letter for {reason}"
    expected = {
        (signal.topic, signal.partition, signal.offset)
        for signals in observed.signals.values()
        for signal in signals
    } | observed.rejected.keys()
    for place in sorted(expected | places.keys()):
        if places[place] != 1 or place not in expected:
            yield f"{place} is in {places[place]} places"


def _counted_in(audit: Json) -> Iterator[Coordinate]:
    used = list(audit["input_signals"].values())
    if audit["source_signal"] is not None:
        used.append(audit["source_signal"])
    for reasons in audit["superseded"].values():
        for entry in reasons.values():
            used.extend(entry["coordinates"])
    return ((one["topic"], one["partition"], one["offset"]) for one in used)


def every_outcome_is_the_reference_models(observed: Observed) -> Iterator[str]:
    """With everything that it sends, for the cut that its audit record names."""
    sent = _sent_by_outcomes(observed)
    once = observed.guarantee == "exactly_once"
    for outcome in observed.all_outcomes():
        read_to = outcome.audit["read_to"]
        cut = [signal for signal in observed.joining(outcome) if signal.offset < read_to.get(signal.topic, 0)]
        if not cut:
            yield f"{outcome} has no signals"
            continue
        decision, order, fan_out, audit, headers = outcome.file.model.outcome_of(cut)
        if audit | {"read_to": read_to} != outcome.audit:
            yield f"{outcome}: the audit record is not the reference model's"
        messages = {DECISION: decision, **fan_out}
        if order is not None:
            messages[decision["execution_topic"]] = order
        for topic, message in messages.items():
            # The id of a decision comes again where a correlation is opened anew; its time does not.
            place = topic, outcome.corr_id, audit["timestamp"]
            copies = sent.pop(place, [])
            if not copies or (len(copies) > 1 and once):
                yield f"{outcome}: {topic} has it {len(copies)} times"
            elif len({(copy.value, tuple(copy.headers)) for copy in copies}) > 1:
                yield f"{outcome}: {topic} has it again with other bytes"
            elif not _says(copies[0], message, decision, audit) or dict(copies[0].headers) != headers:
                yield f"{outcome}: {topic} has not what the reference model says"
    for topic, corr_id, time in sent:
        yield f"{topic} has a message that no outcome explains: {corr_id} at {time}"


def _says(record: LogRecord, message: Json, decision: Json, audit: Json) -> bool:
    if message is decision:
        # The large one, which the audit record has in it, numbers as they are written.
        return bool(decoded(record) == audit["decision"])
    return decoded(record) == {
        name: rounded(value) if isinstance(value, float) else value for name, value in message.items()
    }


def _sent_by_outcomes(observed: Observed) -> dict[tuple[str, str, str], list[LogRecord]]:
    """Everything but audit records, by topic, corr_id and time of the outcome."""
    sent: dict[tuple[str, str, str], list[LogRecord]] = defaultdict(list)
    for topic, records in observed.sent.items():
        if topic not in (AUDIT, LATE) and not topic.startswith("dlq."):
            for record in records:
                message = decoded(record)
                time = message["orchestrated_at" if "orchestrated_at" in message else "timestamp"]
                sent[topic, message["corr_id"], time].append(record)
    return sent


def no_deadline_comes_before_its_time(observed: Observed) -> Iterator[str]:
    """The broker's clock was past it when the audit record was written."""
    for record in observed.sent[AUDIT]:
        audit = decoded(record)
        if audit["metadata"]["timeout_occurred"] and record.timestamp <= milliseconds_of(audit["timestamp"]):
            yield f"{audit['corr_id']}: timed out at {audit['timestamp']}, before that time"


def nobody_is_timed_out_whose_signal_was_in_the_log(observed: Observed) -> Iterator[str]:
    """By the deadline: everything that was written up to then has been read before time passes it."""
    for outcome in observed.all_outcomes():
        if outcome.audit["metadata"]["timeout_occurred"]:
            for signal in observed.joining(outcome):
                if (
                    signal.timestamp <= outcome.at
                    and signal.topic in outcome.file.topics
                    and signal.offset >= outcome.audit["read_to"].get(signal.topic, 0)
                ):
                    yield f"{outcome}: timed out with {signal.topic} {signal.offset} unread"


def a_newly_named_agent_counts_for_what_is_open(world: World, observed: Observed) -> Iterator[str]:
    """What it published before is read where a correlation that is open on the restored disk may need it.

    What is known not to be read: signals for a correlation that was not on disk then, because its first record had not been
    read, or is in the stretch that was repeated in the same commit.
    """
    for corr_id, signals in observed.before.items():
        for signal in signals:
            beginning = world.beginnings[signal.topic, signal.partition]
            rows = committed_rows(world, signal.partition, beginning.restored_to)
            data = rows.get(corr_id.encode())
            row = None if data is None else known_row(data, signal.partition)
            if isinstance(row, Collecting) and signal.timestamp >= row.first_seen:
                yield f"{corr_id} was open, and {signal.topic} {signal.offset} is not read"


def no_row_stays_at_the_end(world: World) -> Iterator[str]:
    """Neither an open one nor, past its time, a marker."""
    for partition in range(world.partitions):
        last = {record.key or b"": record.value for record in world.log[CHANGELOG, partition].history()}
        for key, value in last.items():
            if value is not None and not key.startswith(b"\x00"):
                status = known_row(value, partition).status
                yield f"partition {partition}: {key.decode()} is still {status} at the end"

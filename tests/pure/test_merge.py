from hypothesis import given
from hypothesis import strategies as st

from orchestration.merge import Merge
from orchestration.record import LogRecord


def record(topic: str, offset: int, timestamp: int) -> LogRecord:
    return LogRecord(topic, 0, offset, timestamp, None, None)


def log(topic: str, *timestamps: int) -> list[LogRecord]:
    return [record(topic, offset, timestamp) for offset, timestamp in enumerate(timestamps)]


def names(records: list[LogRecord]) -> list[str]:
    return [f"{one.topic}{one.offset}" for one in records]


def merge_of(**topics: list[LogRecord]) -> Merge[LogRecord]:
    merge: Merge[LogRecord] = Merge(topics)
    for topic, records in topics.items():
        merge.add(topic, records, at_end=True)
    return merge


def test_records_come_in_the_order_of_timestamp_topic_and_offset() -> None:
    merge = merge_of(b=log("b", 1, 3, 3), a=log("a", 2, 3, 4))
    assert names(merge.take(10)) == ["b0", "a0", "a1", "b1", "b2", "a2"]


def test_a_topics_own_order_is_kept_where_its_timestamps_go_back() -> None:
    merge = merge_of(a=log("a", 9, 1, 2), b=log("b", 3, 4))
    assert names(merge.take(10)) == ["b0", "b1", "a0", "a1", "a2"]


def test_a_topic_alone_is_handed_through() -> None:
    merge = merge_of(a=log("a", 3, 1, 2), b=[])
    assert names(merge.take(2)) == ["a0", "a1"]
    assert names(merge.take(2)) == ["a2"]
    assert merge.take(2) == []
    assert merge.drained


def test_nothing_is_given_while_a_backlog_has_not_come() -> None:
    """The record that has not come yet might be the earliest."""
    merge: Merge[LogRecord] = Merge(["a", "b"])
    merge.add("b", log("b", 5), at_end=True)
    assert merge.take(10) == []
    assert merge.blocked_by() == ["a"]
    merge.add("a", log("a", 1), at_end=False)
    assert names(merge.take(10)) == ["a0"]
    assert merge.take(10) == []
    merge.add("a", [], at_end=True)
    assert names(merge.take(10)) == ["b0"]


def test_giving_stops_where_a_topic_runs_out_before_its_end() -> None:
    merge: Merge[LogRecord] = Merge(["a", "b"])
    merge.add("a", log("a", 1, 2), at_end=False)
    merge.add("b", log("b", 1, 2, 3), at_end=True)
    assert names(merge.take(10)) == ["a0", "b0", "a1"]
    assert merge.blocked_by() == ["a"]


def test_what_waits_can_be_counted_and_looked_at() -> None:
    merge = merge_of(a=log("a", 1, 2), b=log("b", 3))
    assert (len(merge), merge.waiting("a"), merge.drained) == (3, 2, False)
    assert merge.head("a") == record("a", 0, 1)
    merge.take(2)
    assert merge.head("a") is None
    assert merge.take(0) == []


logs = st.fixed_dictionaries({topic: st.lists(st.integers(0, 5), max_size=6) for topic in "abc"})


@given(logs, st.data())
def test_the_order_does_not_depend_on_how_records_are_delivered_and_taken(
    timestamps: dict[str, list[int]], data: st.DataObject
) -> None:
    whole = {topic: log(topic, *times) for topic, times in timestamps.items()}
    expected = merge_of(**whole).take(100)
    assert sorted(expected) == sorted(one for records in whole.values() for one in records)

    merge: Merge[LogRecord] = Merge(whole)
    taken: list[LogRecord] = []
    left = {topic: list(records) for topic, records in whole.items()}
    while not all(merge.at_end.values()):
        topic = data.draw(st.sampled_from([topic for topic, ended in merge.at_end.items() if not ended]))
        size = data.draw(st.integers(1, 3))
        chunk, left[topic] = left[topic][:size], left[topic][size:]
        merge.add(topic, chunk, at_end=not left[topic])
        taken += merge.take(data.draw(st.integers(0, 4)))
    assert taken + merge.take(100) == expected

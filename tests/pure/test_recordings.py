"""Recordings: lossless, readable, in one order; what is wrong in a file is named and the rest is read."""

import json
import random
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.record import LogRecord
from streams.recordings.files import Files
from streams.recordings.line import BadLine, read_line, write_line
from streams.recordings.merge import Merged
from streams.recordings.order import placed
from streams.recordings.read import Bad, Recording, RecordingError
from streams.recordings.sort import in_order as sorted_on_disk
from streams.recordings.write import RecordingWriter
from tests.pure.replaying import PARTITIONS, in_order, none_bad, sample, write


def read(*paths: Path, on_bad: Callable[[Bad], None] = none_bad, sort: bool = False) -> list[LogRecord]:
    with closing(Files(paths, on_bad, sort=sort)) as files:
        return [one.record for one in files.records()]


contents = st.one_of(
    st.none(),
    st.binary(max_size=40),
    st.sampled_from(
        [
            b"",
            b"null",
            b"{}",
            b' {"a":1}',
            b'{"a":1}\n',
            b'{"a":\r\n1}',
            b'{"a":NaN}',
            b'{"a":1,"a":2}',
            b'{"n":1.50,"e":1e3}',
            '{"text":"é\u2028"}'.encode(),
            b'{"text":"\\ud800"}',
            b'{"text":"\xff"}',
            b'{"x":' + b"[" * 2000 + b"]" * 2000 + b"}",
        ]
    ),
)
records = st.builds(
    LogRecord,
    st.text(max_size=10),
    st.integers(0, 1000),
    st.integers(0, 2**60),
    st.integers(-1, 2**50),
    contents,
    contents,
    st.lists(st.tuples(st.text(max_size=5), contents), max_size=3),
)


@given(records)
def test_a_record_comes_back_byte_for_byte(record: LogRecord) -> None:
    line = write_line(record)
    assert line.count(b"\n") == 1
    json.loads(line)
    again = read_line(line)
    assert again._replace(headers=list(again.headers)) == record._replace(headers=list(record.headers))


def test_a_json_object_stands_in_the_line_as_it_was_received() -> None:
    value = b'{"b": 1.50, "a": [1e3]}'
    line = write_line(LogRecord("signals.raw", 3, 41, 1000, b"req_1", value, [("traceparent", b"00")]))
    assert line == (
        b'{"topic":"signals.raw","partition":3,"offset":41,"timestamp":1000,"key":"req_1",'
        b'"headers":[{"name":"traceparent","value":"00"}],"value":' + value + b"}\n"
    )


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"", "one JSON object a line"),
        (b'{"topic":"x","partition":0,"offset":1,"timestamp":2,"key":null', "one JSON object a line"),
        (b"\xff\xfe", "one JSON object a line"),
        (b"[]", "a record: Expected `object`"),
        (b'{"topic":"x","partition":0,"offset":1}', "missing required field `timestamp`"),
        (b'{"topic":"x","partition":"0","offset":1,"timestamp":2}', "$.partition"),
        (b'{"topic":"x","partition":0,"offset":1,"timestamp":2,"vaule":{}}', "unknown field `vaule`"),
        (b'{"topic":"x","partition":-1,"offset":1,"timestamp":2}', "0 or more"),
        (b'{"topic":"x","partition":0,"offset":1,"timestamp":2,"value_base64":"?"}', "value_base64: base64"),
    ],
)
def test_a_bad_line_says_what_was_expected(line: bytes, expected: str) -> None:
    with pytest.raises(BadLine) as raised:
        read_line(line)
    assert expected in str(raised.value)


def test_bad_lines_are_told_with_file_and_line_and_the_rest_goes_on(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", sample(2))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:3], b"no record\n", b"\n", *lines[3:], b'{"topic":"cut of']))
    bad: list[Bad] = []
    assert read(path, on_bad=bad.append) == sample(2)
    assert [str(one) for one in bad] == [
        f"{path}:4: expected one JSON object a line, in UTF-8",
        f"{path}:10: expected one JSON object a line, in UTF-8",
    ]


@pytest.mark.parametrize("ending", ["", ".zst", ".gz"])
def test_a_recording_may_be_compressed(ending: str, tmp_path: Path) -> None:
    path = write(tmp_path / f"a.jsonl{ending}", sample(50))
    with closing(Files([path], none_bad)) as files:
        assert [one.record for one in files.records()] == sample(50)
        assert files.done() == 1.0
        assert files.partitions == PARTITIONS
    if ending:
        assert path.stat().st_size < write(tmp_path / "plain.jsonl", sample(50)).stat().st_size / 3


def test_a_compressed_file_that_was_cut_off_gives_what_is_whole_and_says_so(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl.gz", sample(400))
    path.write_bytes(path.read_bytes()[:-500])
    found: list[LogRecord] = []
    with (
        closing(Files([path], lambda _: None)) as files,
        pytest.raises(RecordingError, match="expected a whole file; after line"),
    ):
        found.extend(one.record for one in files.records())
    assert found == sample(400)[: len(found)]
    assert len(found) > 100


def test_several_recordings_are_one_and_what_overlaps_counts_once(tmp_path: Path) -> None:
    whole = sample(40)
    first = write(tmp_path / "a.jsonl", whole[:70])
    second = write(tmp_path / "b.jsonl.zst", whole[50:])
    with closing(Files([second, first], none_bad)) as files:
        assert [one.record for one in files.records()] == whole
        assert files.repeated == 20


@given(st.randoms(use_true_random=False))
def test_the_order_is_the_same_however_the_streams_are_cut(random: random.Random) -> None:
    """By topic's partition, as from Kafka, with clocks that step back; or all in one."""
    logs: dict[tuple[str, int], list[LogRecord]] = {}
    for number in range(60):
        topic, partition = random.choice("ab"), random.randrange(3)
        log = logs.setdefault((topic, partition), [])
        log.append(LogRecord(topic, partition, len(log), random.randrange(20), b"%d" % number, None))
    one_by_one = list(Merged([list(placed(log)) for log in logs.values()]))
    mixed = [record for log in logs.values() for record in log]
    assert list(Merged([in_order(mixed)])) == one_by_one
    for log in logs.values():
        assert [one.record for one in one_by_one if one.record in log] == log
    assert list(sorted_on_disk(mixed, at_once=7)) == one_by_one


def test_a_recording_that_is_not_in_order_is_refused_and_can_be_sorted(tmp_path: Path) -> None:
    shuffled = sample(30)
    random.Random(1).shuffle(shuffled)
    path = write(tmp_path / "a.jsonl", shuffled)
    with pytest.raises(RecordingError, match=r"a\.jsonl:\d+: expected records in the order .*--sort"):
        read(path)
    assert read(path, sort=True) == sample(30)


def test_recordings_of_different_partition_counts_are_refused(tmp_path: Path) -> None:
    paths = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    for count, path in enumerate(paths, 1):
        RecordingWriter(path, count).close()
    with pytest.raises(RecordingError, match="one partition count"):
        Files(paths, none_bad)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"missing\.jsonl: expected a readable file"):
        Recording(tmp_path / "missing.jsonl", none_bad)

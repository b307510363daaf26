"""Every line of the process, ours or a client's, leaves through one pipe."""

import io
import json
import logging
import logging.config
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from mode.utils.logging import setup_logging

from config.logging import configure_logging, logging_config
from config.repeats import RepeatFilter


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    root, handlers, level = logging.root, logging.root.handlers[:], logging.root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def json_stream(level: str = "INFO") -> io.StringIO:
    stream = io.StringIO()
    configure_logging("at-orchestrator", level, "json", stream)
    return stream


def test_a_line_of_ours_is_one_json_object_with_the_common_fields_first() -> None:
    stream = json_stream()
    structlog.get_logger("orchestrator").warning("deadline reached", corr_id="req_1", missing_agents=["risk"])
    (line,) = lines(stream)
    assert list(line)[:5] == ["timestamp", "level", "service", "corr_id", "message"]
    assert line["timestamp"].endswith("Z")
    del line["timestamp"]
    assert line == {
        "level": "warning",
        "service": "at-orchestrator",
        "corr_id": "req_1",
        "message": "deadline reached",
        "logger": "orchestrator",
        "missing_agents": ["risk"],
    }


def test_a_client_s_line_has_the_same_shape() -> None:
    stream = json_stream()
    logging.getLogger("aiokafka.client").error("Unable connect to %s", "kafka-1")
    (line,) = lines(stream)
    assert (line["level"], line["service"], line["logger"], line["message"]) == (
        "error",
        "at-orchestrator",
        "aiokafka.client",
        "Unable connect to kafka-1",
    )


def test_a_corr_id_bound_to_the_context_is_on_every_line() -> None:
    stream = json_stream()
    with structlog.contextvars.bound_contextvars(corr_id="req_2"):
        structlog.get_logger().info("ours")
        logging.getLogger("faust").info("theirs")
    assert [line["corr_id"] for line in lines(stream)] == ["req_2", "req_2"]


def test_a_traceback_stays_inside_its_line() -> None:
    stream = json_stream()
    try:
        raise KeyError("lost")
    except KeyError:
        structlog.get_logger().exception("ours")
        logging.getLogger("mode").exception("theirs")
    assert all("KeyError: 'lost'" in line["exception"] for line in lines(stream))
    assert len(lines(stream)) == 2


def test_a_value_that_is_not_json_does_not_lose_the_line() -> None:
    stream = json_stream()
    structlog.get_logger().info("odd", value=object())
    assert "object object" in lines(stream)[0]["value"]


def test_lines_below_the_level_are_left_out() -> None:
    stream = json_stream("WARNING")
    structlog.get_logger().info("ours")
    logging.getLogger("faust").info("theirs")
    assert lines(stream) == []


def test_the_console_form_is_for_people_and_shows_no_local_variables() -> None:
    stream = io.StringIO()
    configure_logging("at-orchestrator", "INFO", "console", stream)
    password = "hunter" + str(len("xx"))
    try:
        raise KeyError(len(password))
    except KeyError:
        structlog.get_logger().exception("failed", corr_id="req_3")
    text = stream.getvalue()
    assert "failed" in text
    assert "corr_id=req_3" in text
    assert "KeyError" in text
    assert "hunter2" not in text
    assert "\x1b" not in text


def test_auto_is_json_where_nobody_looks() -> None:
    stream = io.StringIO()
    configure_logging("at-orchestrator", "INFO", "auto", stream)
    structlog.get_logger().info("hello")
    assert lines(stream)[0]["message"] == "hello"


def test_faust_s_worker_keeps_the_pipe() -> None:
    stream = json_stream()
    setup_logging(loglevel="INFO", logging_config=logging_config("at-orchestrator", "INFO", "json", stream))
    logging.getLogger("faust").info("worker ready")
    structlog.get_logger().info("ours")
    assert [line["message"] for line in lines(stream)] == ["worker ready", "ours"]


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def line(name: str, message: str, *values: object) -> logging.LogRecord:
    return logging.LogRecord(name, logging.ERROR, "f.py", 1, message, values, None)


def test_of_equal_client_lines_one_passes_in_ten_seconds_and_counts_the_others() -> None:
    clock = Clock()
    repeats = RepeatFilter(("aiokafka",), now=clock)
    passed = []
    for _ in range(25):
        record = line("aiokafka.client", "Unable connect to %s", "kafka-1")
        if repeats.filter(record):
            passed.append((clock.now, getattr(record, "held_back", 0)))
        clock.now += 1.0
    assert passed == [(0.0, 0), (10.0, 9), (20.0, 9)]


def test_the_count_is_in_the_line() -> None:
    stream = json_stream()
    clock = Clock()
    logging.root.handlers[-1].filters = [RepeatFilter(("aiokafka",), now=clock)]
    for clock.now in (0.0, 1.0, 2.0, 10.0):
        logging.getLogger("aiokafka.client").error("away")
    assert [line.get("held_back") for line in lines(stream)] == [None, 2]


def test_other_arguments_are_the_same_line_and_other_texts_are_not() -> None:
    repeats = RepeatFilter(("aiokafka",), now=Clock())
    assert repeats.filter(line("aiokafka", "Unable connect to %s", "kafka-1"))
    assert not repeats.filter(line("aiokafka", "Unable connect to %s", "kafka-2"))
    assert repeats.filter(line("aiokafka", "Authenticated as %s", "u"))


def test_our_own_lines_are_never_held_back() -> None:
    repeats = RepeatFilter(("kafka",), now=Clock())
    assert all(repeats.filter(line("kafkaesque", "same")) for _ in range(3))
    assert all(repeats.filter(line("orchestrator", "same")) for _ in range(3))


def test_texts_that_are_always_new_do_not_fill_the_memory() -> None:
    repeats = RepeatFilter(("aiokafka",), now=Clock())
    for number in range(10_000):
        assert repeats.filter(line("aiokafka", f"offset {number}"))
    assert len(repeats._seen) <= 1024

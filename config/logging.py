"""Log lines: one pipe for structlog and for the standard library's loggers (Faust, mode, aiokafka, librdkafka, NATS)."""

import logging
import logging.config
import sys
from collections.abc import Iterable
from typing import Any, Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from config.repeats import RepeatFilter

CLIENT_LOGGERS = ("aiokafka", "kafka", "confluent_kafka", "librdkafka", "faust", "mode", "nats")
"""Loggers of others, whose repeats are held back."""

_FIRST = ("timestamp", "level", "service", "corr_id", "message")


def configure_logging(
    service: str,
    level: str = "INFO",
    format: Literal["auto", "json", "console"] = "auto",
    stream: TextIO | None = None,
) -> None:
    """Send all log lines of the process to ``stream`` (default: standard output). May be called again."""
    logging.config.dictConfig(logging_config(service, level, format, stream))
    structlog.configure(
        # Faust's worker sets its level anew: structlog asks the standard logger, so that one level counts for all.
        processors=[
            structlog.stdlib.filter_by_level,
            *_shared(service),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        # A cached logger keeps the first set-up for ever, and tests capture with another one.
        cache_logger_on_first_use=False,
    )


def logging_config(
    service: str,
    level: str = "INFO",
    format: Literal["auto", "json", "console"] = "auto",
    stream: TextIO | None = None,
) -> dict[str, Any]:
    """The same as a ``dictConfig`` dictionary, for Faust's ``logging_config`` setting.

    Faust's worker clears the root handlers at start and installs its own unless it is handed this.
    """
    # The worker replaces sys.stdout by a proxy that logs: a handler that wrote there would feed itself.
    target = stream if stream is not None else sys.__stdout__ or sys.stdout
    terminal = target.isatty()
    console = format == "console" or (format == "auto" and terminal)
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"repeats": {"()": RepeatFilter, "loggers": CLIENT_LOGGERS}},
        "formatters": {
            "line": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": [*_shared(service), structlog.stdlib.ExtraAdder(("held_back",))],
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    *_rendered(console, terminal),
                ],
            }
        },
        "handlers": {
            "line": {
                "class": "logging.StreamHandler",
                "stream": target,
                "formatter": "line",
                "filters": ["repeats"],
            }
        },
        "root": {"level": level, "handlers": ["line"]},
    }


def _shared(service: str) -> list[Processor]:
    def add_service(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event["service"] = service
        return event

    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        add_service,
    ]


def _rendered(console: bool, colors: bool) -> Iterable[Processor]:
    if console:
        # The default traceback prints local variables: signals, passwords and whatever else was at hand.
        return [
            structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=structlog.dev.plain_traceback)
        ]
    return [
        structlog.processors.format_exc_info,
        _with_message,
        # `default`: a value that is not JSON must not turn a warning about one correlation into a lost line.
        structlog.processors.JSONRenderer(default=repr, ensure_ascii=False),
    ]


def _with_message(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """`event` is called `message` outside; the five fields that every line has in common come first."""
    event["message"] = event.pop("event", "")
    return {name: event.pop(name) for name in _FIRST if name in event} | dict(event)

"""Everything that contracts §3 does not take, as data: what is written to an input, and what its dead letter has to say."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from orchestration.canonical import canonical_json
from tests.real.signal_sets import NORMALIZED, Json, enriched, normalized, topic_of

Value = bytes | None
RIGHT, OTHER, NONE = "right", "other", "none"
_NOT_DECODABLE = "value: JSON object in UTF-8"
_CORR_ID = "corr_id: 1 to 128 of A-Z a-z 0-9 _ . -"


@dataclass(frozen=True)
class Bad:
    """``value(corr_id)`` is written. ``key``: the corr_id, another one or none. ``misplaced``: on the next partition.

    ``message`` names the field. ``keeps_open``: the agent has reported with it, so its correlation says why it is invalid.
    """

    name: str
    value: Callable[[str], Value]
    reason: str
    message: str
    agent: str = "risk"
    key: str = RIGHT
    misplaced: bool = False
    keeps_open: bool = False

    @property
    def topic(self) -> str:
        return topic_of(self.agent)


def _raw(value: Value) -> Callable[[str], Value]:
    return lambda corr_id: value


def _text(template: bytes) -> Callable[[str], Value]:
    """``@`` stands for the corr_id."""
    return lambda corr_id: template.replace(b"@", corr_id.encode())


def _envelope(agent: str = "risk", **changes: Any) -> Callable[[str], Value]:
    return lambda corr_id: canonical_json({**enriched(agent, corr_id), **changes})


def _without(agent: str, field: str) -> Callable[[str], Value]:
    def value(corr_id: str) -> Value:
        body = enriched(agent, corr_id)
        (body if field in body else body["analysis"]).pop(field)
        return canonical_json(body)

    return value


def _normalized(**changes: Any) -> Callable[[str], Value]:
    return lambda corr_id: canonical_json(normalized(corr_id, **changes))


def _padded(size: int) -> Callable[[str], Value]:
    def value(corr_id: str) -> Value:
        body: Json = enriched("risk", corr_id)
        return canonical_json({**body, "padding": "x" * (size - len(canonical_json(body)) - 13)})

    return value


def _undecodable(name: str, value: Callable[[str], Value]) -> Bad:
    return Bad(name, value, "not_decodable", _NOT_DECODABLE)


def _invalid(name: str, message: str, value: Callable[[str], Value], agent: str = "risk") -> Bad:
    return Bad(name, value, "validation_error", message, agent, keeps_open=agent != NORMALIZED)


def _analysis(name: str, agent: str, message: str, **analysis: Any) -> Bad:
    return _invalid(
        name, message, lambda corr_id: canonical_json(enriched(agent, corr_id, **analysis)), agent
    )


_RISK = b'{"agent_name":"risk","corr_id":"@","enriched_at":"2026-01-15T10:30:01Z","analysis":{"overall_score":%s}}'
_SCORE = "analysis.overall_score: number from 0 to 1"

BAD_INPUTS = [
    _undecodable("not-json", _raw(b"{not json")),
    _undecodable("empty", _raw(b"")),
    _undecodable("null", _raw(None)),
    _undecodable("array", _text(b'["@"]')),
    _undecodable("truncated-utf-8", _text(b'{"corr_id":"@","note":"\xc3"}')),
    _undecodable("cut-off", lambda corr_id: canonical_json(enriched("risk", corr_id))[:-1]),
    _undecodable(
        "byte-order-mark", lambda corr_id: b"\xef\xbb\xbf" + canonical_json(enriched("risk", corr_id))
    ),
    _undecodable("nan", _text(_RISK % b"NaN")),
    _undecodable("infinity", _text(_RISK % b"-Infinity")),
    _undecodable("1e400", _text(_RISK % b"1e400")),
    _undecodable("400-digits", _text(_RISK % (b"9" * 400))),
    _undecodable("10000-levels", _text(b'{"corr_id":"@","deep":' + b"[" * 10_000 + b"]" * 10_000 + b"}")),
    Bad("1.1-megabytes", _padded(1_100_000), "too_large", "value: at most 1048576 bytes"),
    _analysis("number-as-text", "risk", _SCORE, overall_score="0.4"),
    _analysis("true-as-number", "risk", _SCORE, overall_score=True),
    _analysis("above-range", "risk", _SCORE, overall_score=1.0000001),
    _analysis(
        "below-range", "correlation", "analysis.portfolio_impact: number from 0 to 1", portfolio_impact=-0.1
    ),
    _analysis("required-null", "momentum", "analysis.confidence: number from 0 to 1", confidence=None),
    _invalid("required-missing", _SCORE, _without("risk", "overall_score")),
    _invalid("no-analysis", "analysis: object", _without("risk", "analysis")),
    _invalid("no-agent-name", "agent_name: name of the topic's agent", _without("risk", "agent_name")),
    _invalid("analysis-is-a-list", "analysis: object", _envelope(analysis=[])),
    _analysis("unknown-risk-level", "risk", "analysis.risk_level: ", risk_level="extreme"),
    _analysis("unknown-trend", "momentum", "analysis.trend_direction: ", trend_direction="up"),
    _analysis(
        "negative-size",
        "risk",
        "analysis.position_sizing.recommended_size: number of 0 or more",
        position_sizing={"recommended_size": -1},
    ),
    _invalid("another-major-schema", "schema_version: version 1.x.y", _envelope(schema_version="2.0.0")),
    _invalid("time-without-offset", "enriched_at: ", _envelope(enriched_at="2026-01-15T10:30:01")),
    _invalid("source-signal-is-text", "source_signal: object", _envelope(source_signal="EURUSD")),
    _invalid("price-of-zero", "price: number above 0", _normalized(price=0), NORMALIZED),
    _invalid("unknown-source", "source: ", _normalized(source="telegram"), NORMALIZED),
    _invalid("unknown-side", "side: ", _normalized(side="long"), NORMALIZED),
    Bad("other-agents-topic", _envelope("momentum"), "wrong_topic", "agent_name: name of the topic's agent"),
    *(
        Bad(f"corr-id-{name}", _envelope(corr_id=value), "no_corr_id", _CORR_ID)
        for name, value in {
            "with-a-space": "req 1",
            "empty": "",
            "of-129": "r" * 129,
            "in-cyrillic": "зпр",
            "a-number": 7,
            "null": None,
            "with-a-line-end": "req_1\n",
        }.items()
    ),
    Bad("no-key", _envelope(), "wrong_key", "key: the corr_id", key=NONE),
    Bad("another-key", _envelope(), "wrong_key", "key: the corr_id", key=OTHER),
    Bad(
        "another-partition",
        _envelope(),
        "wrong_partition",
        "partition: murmur2 of the corr_id",
        misplaced=True,
    ),
]

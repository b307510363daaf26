"""Whole correlations, close to every limit that decides something: what agents say, when it is read, and how time passes.

A record is a good EURUSD buy that a few changes were made to, so that hypothesis shrinks towards a trade.
"""

import json
from math import inf, nextafter
from typing import Any, NamedTuple

from hypothesis import strategies as st

from orchestration.partitioning import partition_of
from orchestration.record import LogRecord
from orchestration.timestamps import format_timestamp
from tests.pure.workflow_sets import SETS, Json, WorkflowSet, workflow_set

PARTITIONS = 4
CORR_IDS = ("req_abc123", "req_7")
PARTITION = partition_of(CORR_IDS[0].encode(), PARTITIONS)
assert partition_of(CORR_IDS[1].encode(), PARTITIONS) == PARTITION
START = 1_768_473_000_000
"""2026-01-15T10:30:00Z, in ms."""
TTL_SEC = 1000
AGENTS = ("momentum", "risk", "correlation", "sentiment", "macro")
TOPICS = ("signals.normalized", *(f"signals.enriched.{agent}" for agent in AGENTS))


class TimePassed(NamedTuple):
    """Time is later than ``time`` (ms); what comes behind it is not older."""

    time: int


Step = LogRecord | TimePassed


class Scenario(NamedTuple):
    """What is read from one partition, in that order."""

    workflow_set: WorkflowSet
    steps: list[Step]

    @property
    def records(self) -> list[LogRecord]:
        return [step for step in self.steps if isinstance(step, LogRecord)]


def around(value: float) -> list[float]:
    return [nextafter(value, -inf), value, nextafter(value, inf)]


FRACTIONS = [*around(0.6), *around(0.7), *around(0.8), 0, 1, 0.0, -0.0, 5e-324, 0.1, 1.0, 0.123456789012345]
NO_FRACTIONS = [1.0000000000000002, -5e-324, True, "0.5", 10**300, [], {}]
SIZES = [0, 0.0, 1e-13, 5e-13, 0.01, 7500, 8200.0, 1e17, 1.7e308, 10**300, None]
INSTRUMENTS = ["EURUSD", "BTC/USD", "SPY", "ETH/USD", "AAPL"]
NAMES = [*INSTRUMENTS, "GBP", "é" * 128, 'a"\\\x00\x7f\u2028😀/USD']
TIMES = [
    *(format_timestamp(START + ms) for ms in (0, 1_500, 750, 751, -298_500, -298_501, 61_500, 61_501)),
    *("2026-01-15T11:30:00.0009+01:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z"),
]
STALE = TIMES[4:8] * 4
NO_TIMES = ["2026-01-15T10:30:00", "2026-01-15T10:30:60Z", "0001-01-01T00:00:00+01:00", 5, ""]
NO_OBJECTS = [[], "x", 1, True]
ABSENT: Any = object()

SOURCE: Json = {"instrument": "EURUSD", "price": 1.0945, "side": "buy", "timestamp": TIMES[0]}
ANALYSES: dict[str, Json] = {
    "momentum": {"confidence": 0.82, "momentum_strength": 0.65, "trend_direction": "bullish"},
    "risk": {
        "overall_score": 0.4,
        "risk_level": "low",
        "position_sizing": {"recommended_size": 7500.0, "max_position_size": 10000.0},
        "recommendations": {"suggested_stop_loss": 1.09, "max_risk_per_trade": 0.02},
    },
    "correlation": {"portfolio_impact": 0.45},
    "sentiment": {"confidence": 0.7},
    "macro": {},
}

_SOURCE_CHANGES: list[tuple[str, list[Any], list[Any]]] = [
    ("instrument", [*NAMES, None, ABSENT], ["", "é" * 129, 5]),
    ("price", [1e-13, 5e-324, 60000, 1e308, 10**300, None, ABSENT], [0, -1, "1", True]),
    ("side", ["sell", "buy", None, ABSENT], ["hold", "", 1]),
    ("timestamp", [*TIMES, *STALE, None, ABSENT], NO_TIMES),
]
_CHANGES: dict[str, list[tuple[str, list[Any], list[Any]]]] = {
    "every": [
        ("schema_version", ["1.0.0", "1.2.3-rc.1", None, ABSENT], ["2.0.0", "1.0", 1]),
        ("agent_version", ["2.0.0", "", None, ABSENT, "\n"], [1, "x" * 129]),
        ("agent_name", [], [ABSENT, None, 7]),
        ("enriched_at", TIMES, [*NO_TIMES, None, ABSENT]),
        ("source_signal", [None, ABSENT, {}], NO_OBJECTS),
        *((f"source_signal.{field}", valid, invalid) for field, valid, invalid in _SOURCE_CHANGES),
        ("analysis", [], [ABSENT, None, *NO_OBJECTS]),
        ("analysis.confidence", FRACTIONS, NO_FRACTIONS),
        ("analysis.source_signal", [{"instrument": "XAU/USD"}], []),
        ("analysis.deep", [{"score": 0.25}, {"score": 2}, [], None], []),
        ("confidence", [0.9], []),
    ],
    "momentum": [
        ("analysis.confidence", FRACTIONS, [None, ABSENT]),
        ("analysis.momentum_strength", [*FRACTIONS, *[0.9] * 20, None, ABSENT], NO_FRACTIONS),
        ("analysis.trend_direction", ["bearish", "sideways", "unknown", None, ABSENT], ["up", 1]),
        ("analysis.technical_indicators", [{"rsi": 61}, None], NO_OBJECTS),
    ],
    "risk": [
        ("analysis.overall_score", FRACTIONS, [*NO_FRACTIONS, None, ABSENT]),
        ("analysis.risk_level", ["medium", *["high"] * 20, "blocked", None, ABSENT], ["unknown", 3]),
        ("analysis.position_sizing", [None, ABSENT, {}], NO_OBJECTS),
        ("analysis.position_sizing.recommended_size", [*SIZES, ABSENT], [-1, "7"]),
        ("analysis.position_sizing.max_position_size", [*SIZES, ABSENT], [-5e-324, True]),
        ("analysis.recommendations", [None, ABSENT, {}], NO_OBJECTS),
        ("analysis.recommendations.suggested_stop_loss", [1e-13, None, ABSENT], [0, -1]),
        ("analysis.recommendations.max_risk_per_trade", [1, None, ABSENT], [0, "x"]),
        ("analysis.exposure_analysis", [{"current_exposure_pct": 12, "hedged": True}, [], "x", None], []),
        ("analysis.volatility_metrics", [{"vol_percentile": "9", "current_vol_estimate": -0.0}, 4], []),
    ],
    "correlation": [("analysis.portfolio_impact", FRACTIONS, [*NO_FRACTIONS, None, ABSENT])],
    "normalized": [
        ("source", ["custom", "test"], ["elsewhere", None, ABSENT]),
        ("strength", [*FRACTIONS, None, ABSENT], NO_FRACTIONS),
        ("normalized_at", TIMES, [*NO_TIMES, None, ABSENT]),
        ("instrument", NAMES, ["", 5, None, ABSENT]),
        ("price", [1e-13, 60000, 1e308], [0, None, ABSENT]),
        ("side", ["sell", None, ABSENT], ["hold", 1]),
        ("timestamp", [*TIMES, *STALE], [*NO_TIMES, None, ABSENT]),
    ],
}


def _pairs(agent: str, kind: int) -> list[tuple[str, Any]]:
    changes = _CHANGES["normalized"] if agent == "normalized" else _CHANGES["every"] + _CHANGES.get(agent, [])
    return [(change[0], value) for change in changes for value in change[kind]]


# Made once: hypothesis looks at all elements of each `sampled_from` that it meets.
_valid = {agent: st.sampled_from(_pairs(agent, 1)) for agent in (*AGENTS, "normalized")}
_changes = {
    agent: st.one_of(
        *[st.just([]), *[st.lists(_valid[agent], max_size=2)] * 5],
        st.tuples(_valid[agent], st.sampled_from(_pairs(agent, 2))),
    )
    for agent in (*AGENTS, "normalized")
}


def good_body(agent: str, corr_id: str = CORR_IDS[0], instrument: str = "EURUSD") -> Json:
    source = SOURCE | {"instrument": instrument}
    if agent == "normalized":
        times = {"timestamp": TIMES[0], "normalized_at": TIMES[0]}
        return {"corr_id": corr_id, "source": "tradingview", **source, "strength": 0.75, **times}
    return {
        "agent_name": agent,
        "agent_version": "1.0.0",
        "corr_id": corr_id,
        "enriched_at": format_timestamp(START + 1_500),
        # Few agents repeat what the signal was about; then the instrument shows later than the first record.
        **({"source_signal": source} if agent in ("momentum", "macro") else {}),
        "analysis": json.loads(json.dumps(ANALYSES[agent])),
    }


def change(body: Json, path: str, value: Any) -> None:
    *parents, name = path.split(".")
    for parent in parents:
        inside = body.get(parent)
        body[parent] = body = dict(inside) if isinstance(inside, dict) else {}
    if value is ABSENT:
        body.pop(name, None)
    else:
        body[name] = value


@st.composite
def values(draw: st.DrawFn, agent: str, corr_id: str = CORR_IDS[0], instrument: str = "EURUSD") -> bytes:
    """The payload of a signal: valid as a rule, now and then with one field that is not."""
    body = good_body(agent, corr_id, instrument)
    for path, value in draw(_changes[agent]):
        change(body, path, value)
    return json.dumps(body, ensure_ascii=False).encode()


def topic_of(agent: str) -> str:
    return "signals.normalized" if agent == "normalized" else f"signals.enriched.{agent}"


GOOD_RISK = json.dumps(good_body("risk")).encode()
BROKEN: list[dict[str, Any]] = [
    {"value": None},
    {"value": b""},
    {"value": b"\xff{}"},
    {"value": b"[1]"},
    {"value": GOOD_RISK[:-1]},
    {"value": GOOD_RISK[:-1] + b',"x":NaN}'},
    {"value": GOOD_RISK[:-1] + b',"x":1e999}'},
    {"value": GOOD_RISK[:-1] + b',"x":' + b"9" * 400 + b"}"},
    {"value": GOOD_RISK[:-1] + b',"x":"\\ud800"}'},
    {"value": GOOD_RISK[:-1] + b',"x":' + b"[" * 100 + b"]" * 100 + b"}"},
    {"value": GOOD_RISK[:-1] + b',"corr_id":"a b"}'},
    {"value": GOOD_RISK[:-1] + b',"corr_id":5}'},
    {"value": GOOD_RISK[:-1] + b',"agent_name":"macro"}'},
    {"value": GOOD_RISK + b" " * 1024 * 1024},
    {"topic": "signals.enriched.astrology"},
    {"key": None},
    {"key": b"req_other"},
    {"partition": (PARTITION + 1) % PARTITIONS},
    {"timestamp": -1},
    {"timestamp": 253_370_764_800_000},
]
"""What makes a good record one that opens nothing."""

TRACEPARENTS: list[tuple[tuple[str, bytes], ...]] = [
    (),
    (("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),),
    (("traceparent", b"00-11111111111111111111111111111111-2222222222222222-00"), ("other", b"\xff")),
    (("traceparent", b"nonsense"),),
]


def record_of(agent: str, value: bytes | None, timestamp: int, corr_id: str = CORR_IDS[0]) -> LogRecord:
    """Offset 0."""
    return LogRecord(topic_of(agent), PARTITION, 0, timestamp, corr_id.encode(), value)


@st.composite
def records(
    draw: st.DrawFn,
    timestamp: int,
    corr_id: str = CORR_IDS[0],
    instrument: str = "EURUSD",
    agents: tuple[str, ...] = ("normalized", *AGENTS),
) -> LogRecord:
    """A record of one of these agents, offset 0; one in thirty belongs nowhere."""
    agent = draw(st.sampled_from(agents)) if len(agents) > 1 else agents[0]
    record = record_of(agent, draw(values(agent, corr_id, instrument)), timestamp, corr_id)
    headers, broken = draw(_around)
    return record._replace(headers=headers, **broken)


_around: st.SearchStrategy[tuple[Any, dict[str, Any]]] = st.sampled_from(
    [
        *((headers, {}) for headers in TRACEPARENTS * 145),
        *(((), broken) for broken in BROKEN),
    ]
)


_TIMEOUTS = (1_000, 2_500, 120_000, 180_000, 300_000)
EARLY = [0, 1, 2, 3, 500, 1000]
LIMITS = [
    near + end + shift for end in (0, TTL_SEC * 1000) for near in (1, *_TIMEOUTS) for shift in (-1, 0, 1, 2)
]
moments = st.sampled_from([*EARLY * 28, *LIMITS])
"""Milliseconds since ``START``: soon after it, or at a deadline, at a marker's end, one off."""


_REQUIRED = [
    (),
    ("momentum", "risk", "correlation"),
    ("momentum", "risk", "correlation", "sentiment", "macro"),
]
_MORE = [*("normalized", *AGENTS, "risk") * 2, *("repeat", "other corr_id") * 3]
_sets = st.sampled_from([*SETS, "odd", "odd"])
_instruments = st.sampled_from(INSTRUMENTS)
_whats = st.tuples(st.sampled_from(_REQUIRED), st.lists(st.sampled_from([*_MORE, "time"]), max_size=8))
_whats_without_time = st.tuples(st.sampled_from(_REQUIRED), st.lists(st.sampled_from(_MORE), max_size=8))


@st.composite
def scenarios(draw: st.DrawFn, time_passes: bool = True) -> Scenario:
    """Records in any order of their timestamps; behind a ``TimePassed`` only later ones, as brokers' clocks have it."""
    chosen = workflow_set(draw(_sets))
    instrument = draw(_instruments)
    required, more = draw(_whats if time_passes else _whats_without_time)
    steps: list[Step] = []
    earlier: list[LogRecord] = []
    ends: dict[str, int] = {}
    passed, first = START, None
    for what in draw(st.permutations([*required, *more])):
        at = draw(moments)
        # Limits count from the first record, or no record would ever stand at a deadline to the millisecond.
        at += first if first is not None and at > EARLY[-1] else passed
        at = max(at, passed)
        if what == "time":
            passed = at
            steps.append(TimePassed(at))
            continue
        if what == "repeat" and earlier:
            # As an agent that was restarted publishes it.
            record = draw(st.sampled_from(earlier))._replace(timestamp=at)
        else:
            agents = (what,) if what in ("normalized", *AGENTS) else ("normalized", *AGENTS)
            record = draw(records(at, CORR_IDS[what == "other corr_id"], instrument, agents))
        record = record._replace(offset=ends.get(record.topic, 0))
        ends[record.topic] = record.offset + 1
        first = at if first is None else min(first, at)
        steps.append(record)
        earlier.append(record)
    return Scenario(chosen, steps)

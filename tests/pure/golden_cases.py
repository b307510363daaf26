"""The correlation behind the files in ``tests/golden/``, and the way to write them anew:

    python -m tests.pure.golden_cases

It writes ``decision.json``, ``order.json``, ``audit.json`` and ``recording.jsonl`` again: do that when a change of the contracts is meant, and
say so in the changelog, since executors and replays compare these bytes. It never writes over a ``row-v….bin``: rows
like those stand in changelogs. A new version of the row gets files of its own, beside the old ones, which stay.
"""

import json
from pathlib import Path
from typing import Any

from orchestration.correlation import Context, fold
from orchestration.driver import OrchestratorTestDriver
from orchestration.intake import Intake
from orchestration.partitioning import partition_of
from orchestration.record import LogRecord
from orchestration.rows import Row
from orchestration.signal import Signal
from orchestration.workflow import Workflow
from orchestration.workflows import Workflows
from streams.recordings.line import write_line
from streams.recordings.order import placed
from tables.codec import encode_row
from tests.pure.builders import DEFAULT

FOLDER = Path(__file__).resolve().parents[1] / "golden"
CORR_ID = "req_golden-1"
START = 1_768_473_000_000
"""2026-01-15T10:30:00Z, in ms."""
PARTITION_COUNT = 8
PARTITION = partition_of(CORR_ID.encode(), PARTITION_COUNT)
TTL_SEC = 60
TRACEPARENT = ("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
SOURCE = {"instrument": "BTC/USD", "price": 97_250.5, "side": "buy", "timestamp": "2026-01-15T10:30:00.0009Z"}


def workflows() -> Workflows:
    return Workflows([Workflow.model_validate(DEFAULT)])


def context() -> Context:
    return Context(workflows(), TTL_SEC, "1.0.0")


def enriched(agent: str, offset: int, ms: int, analysis: dict[str, Any], **more: Any) -> LogRecord:
    body = {
        "agent_name": agent,
        "agent_version": "2.1.0",
        "corr_id": CORR_ID,
        "enriched_at": "2026-01-15T11:30:02.5+01:00",
        "analysis": analysis,
        **more,
    }
    return record(f"signals.enriched.{agent}", offset, ms, body)


def record(topic: str, offset: int, ms: int, body: dict[str, Any]) -> LogRecord:
    value = json.dumps(body).encode()
    return LogRecord(topic, PARTITION, offset, START + ms, CORR_ID.encode(), value, (TRACEPARENT,))


MOMENTUM = {"confidence": 0.82, "momentum_strength": 0.65, "trend_direction": "bullish"}
RISK = {
    "confidence": 0.7,
    "overall_score": 0.65,
    "risk_level": "high",
    "position_sizing": {"recommended_size": 8200, "max_position_size": 7500},
    "recommendations": {"suggested_stop_loss": 90000.25},
    "exposure_analysis": {"current_exposure_pct": 12},
}
FIRST = [
    enriched("momentum", 6, -1_300_000, MOMENTUM),
    enriched("risk", 4, -1_300_000, RISK),
    enriched("correlation", 11, -1_299_000, {"portfolio_impact": 0.4}),
    enriched("macro", 0, -1_298_000, {}),
]
"""An earlier correlation of the same corr_id, with a late signal: its marker stays behind the open one."""
RECORDS = [
    record(
        "signals.normalized",
        41,
        0,
        {
            "corr_id": CORR_ID,
            "source": "tradingview",
            **SOURCE,
            "strength": None,
            "normalized_at": "2026-01-15T10:30:00.25Z",
        },
    ),
    enriched("momentum", 7, 2_000, MOMENTUM | {"confidence": 0.9}, source_signal=SOURCE),
    enriched("momentum", 8, 2_100, MOMENTUM, source_signal=SOURCE),
    enriched("sentiment", 3, 2_200, {"confidence": 3}),
    enriched("correlation", 12, 2_300, {"portfolio_impact": 0.45}),
    enriched("risk", 5, 4_120, RISK),
]


def collecting_row() -> Row:
    """All but the last record have been read."""
    intake = Intake(workflows().agents, PARTITION_COUNT)
    row: Row | None = None
    for one in [*FIRST, *RECORDS[:-1]]:
        signal = intake.read(one)
        assert isinstance(signal, Signal)
        row, _ = fold(row, signal, context())
    assert row is not None
    return row


def finished() -> OrchestratorTestDriver:
    """All records have been read, and one that is too late."""
    driver = OrchestratorTestDriver(
        workflows(),
        partition_count=PARTITION_COUNT,
        idempotency_ttl_sec=TTL_SEC,
        version="1.0.0",
        start=START - 2_000_000,
    )
    for one in [*FIRST, *RECORDS, enriched("macro", 1, 5_000, {})]:
        driver.take(one)
    return driver


def recording() -> bytes:
    """The same and more as a recording: repeats, late signals, dead letters, an open correlation that times out."""
    other = enriched("risk", 6, 6_000, RISK)
    wrong = other._replace(partition=PARTITION + 1, offset=0)
    records = [
        *RECORDS,
        enriched("macro", 1, 5_000, {}),
        enriched("sentiment", 4, 4_000, {"confidence": 0.5}),
        other._replace(value=b"\x00"),
        wrong,
        _again(enriched("momentum", 9, 9_000, MOMENTUM, source_signal=SOURCE)),
        _again(enriched("risk", 7, 10_000, RISK)),
    ]
    lines = [b'{"recording":{"version":1,"partitions":%d,"since":null}}\n' % PARTITION_COUNT]
    return b"".join(
        [*lines, *(write_line(one.record) for one in sorted(placed(records), key=lambda one: one[:4]))]
    )


def _again(one: LogRecord) -> LogRecord:
    """A day later, when no marker is left."""
    return one._replace(timestamp=one.timestamp + 86_400_000)


def files() -> dict[str, bytes]:
    driver = finished()
    row = driver.state(CORR_ID)
    assert row is not None
    values = {message.topic: message.value or b"" for message in driver.messages()}
    return {
        "decision.json": values["orchestrated.decision"],
        "order.json": values["execution.crypto.high_risk"],
        "audit.json": values["audit.orchestration.decision"],
        "recording.jsonl": recording(),
        "row-v1-collecting.bin": encode_row(collecting_row()),
        "row-v1-orchestrated.bin": encode_row(row),
    }


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, content in files().items():
        if not (name.endswith(".bin") and (FOLDER / name).exists()):
            (FOLDER / name).write_bytes(content)

"""The signals that every side reads: complete correlations of momentum, risk and correlation, in the order of their making."""

from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec
from confluent_kafka import Producer

from orchestration.partitioning import partition_of
from streams.topics import ENRICHED_PREFIX

AGENTS = ("momentum", "risk", "correlation")


def signals(correlations: int, at: str | None = None) -> Iterator[tuple[str, str, bytes]]:
    """(topic, corr_id, value): three enriched signals for each correlation, each like a real one in size and fields.

    ``at``: the time that they name (RFC 3339); now, unless it is given.
    """
    now = at or datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    source = {"instrument": "EURUSD", "price": 1.0945, "side": "buy", "timestamp": now}
    for number in range(correlations):
        corr_id = f"req_{number:032x}"
        common = {
            "schema_version": "1.0.0",
            "agent_version": "1.0.0",
            "corr_id": corr_id,
            "enriched_at": now,
            "source_signal": source,
        }
        analyses = {
            "momentum": {
                "confidence": 0.6 + (number % 40) / 100,
                "momentum_strength": 0.5 + (number % 50) / 100,
                "trend_direction": "bullish",
                "technical_indicators": {
                    "rsi": 61.2,
                    "ma_fast": 1.0941,
                    "ma_slow": 1.0922,
                    "volume_ratio": 1.4,
                },
            },
            "risk": {
                "overall_score": (number % 70) / 100,
                "risk_level": ("low", "medium", "high")[number % 3],
                "position_sizing": {"recommended_size": 8200.0, "max_position_size": 10000.0},
                "recommendations": {"suggested_stop_loss": 1.0877, "max_risk_per_trade": 0.02},
                "exposure_analysis": {"current_exposure_pct": 0.12, "correlation_risk": 0.3},
                "volatility_metrics": {"current_vol_estimate": 0.08, "vol_percentile": 0.4},
            },
            "correlation": {"portfolio_impact": (number % 100) / 100, "confidence": 0.8},
        }
        for agent in AGENTS:
            value = {"agent_name": agent, **common, "analysis": analyses[agent]}
            yield ENRICHED_PREFIX + agent, corr_id, msgspec.json.encode(value)


def preload(bootstrap_servers: str, correlations: int, partitions: int) -> int:
    """Write them; returns how many records."""
    producer = Producer(
        {
            "bootstrap.servers": bootstrap_servers,
            "linger.ms": 20,
            "queue.buffering.max.messages": 1_000_000,
            "enable.idempotence": True,
            "compression.type": "lz4",
        }
    )
    count = 0
    for topic, corr_id, value in signals(correlations):
        key = corr_id.encode()
        while True:
            try:
                producer.produce(topic, value, key, partition_of(key, partitions))
            except BufferError:
                producer.poll(0.1)
            else:
                break
        count += 1
    if producer.flush(120) > 0:
        raise RuntimeError("the broker did not take the workload")
    return count

"""What the lane does, as metrics and log lines (contracts §9)."""

import time

import structlog

from config.metrics import Metrics
from orchestration.outcome import Outcome
from orchestration.processor import Effects
from streams.lane.lane import Lane
from streams.lane.store import StoreDamaged
from streams.lane.writer import LostPartition

logger = structlog.stdlib.get_logger(__name__)


class MetricsObserver:
    """Implements ``streams.lane.observer.LaneObserver``."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def watch(self, lane: Lane) -> None:
        """Gauges that are asked for when they are scraped."""
        self._metrics.active_correlations.set_function(lane.open_count)
        self._metrics.partitions_assigned.set_function(lambda: len(lane.partitions))

    def committed(self, _partition: int, effects: Effects, seconds: float) -> None:
        metrics = self._metrics
        metrics.transactions.labels("committed").inc()
        metrics.transaction_seconds.observe(seconds)
        metrics.transaction_messages.observe(len(effects.messages) + effects.rows_written)
        metrics.state_operations.labels("put").inc(effects.rows_written)
        for agent, count in effects.received.items():
            metrics.signals_received.labels(agent or "normalized").inc(count)
        for late in effects.late:
            metrics.late_signals.labels(late.signal.agent or "normalized", late.reason).inc()
        for dead_letter in effects.dead_letters:
            metrics.dead_letters.labels(dead_letter.topic, dead_letter.reason).inc()
        now = time.time() * 1000
        for outcome in effects.outcomes:
            self._decided(outcome, now)
        for signal in effects.invalid:
            if signal.error is not None:
                logger.error(
                    "invalid signal", corr_id=signal.corr_id, agent=signal.agent, error=signal.error.message
                )

    def _decided(self, outcome: Outcome, now: float) -> None:
        metrics, inputs = self._metrics, outcome.inputs
        metrics.decisions_made.labels(outcome.action).inc()
        metrics.decision_latency_seconds.observe((inputs.orchestrated_at - inputs.first_seen) / 1000)
        if inputs.completed_by == "all_required":
            metrics.decision_delay_seconds.observe(max(0.0, (now - inputs.orchestrated_at) / 1000))
            return
        metrics.correlation_timeout.inc()
        logger.warning(
            "decision timeout",
            corr_id=inputs.corr_id,
            available_agents=outcome.decision["available_agents"],
            missing_agents=outcome.decision["missing_agents"],
            timeout_duration=inputs.workflow.timeout_sec,
        )

    def sink_refused(self, topic: str, _reason: str) -> None:
        self._metrics.dead_letters.labels(topic, "sink_refused").inc()

    def restored(self, partition: int, rows: int, seconds: float) -> None:
        self._metrics.recovered_rows.inc(rows)
        self._metrics.state_operations.labels("restore").inc(rows)
        self._metrics.recovery_seconds.observe(seconds)
        logger.info("partition %d is up: %d changelog records in %.2f s", partition, rows, seconds)

    def lost(self, _partition: int, error: BaseException) -> None:
        if isinstance(error, StoreDamaged):
            self._metrics.state_operations.labels("read_error").inc()
            return
        self._metrics.transactions.labels("fenced" if isinstance(error, LostPartition) else "given_up").inc()

    def lag(self, lags: dict[tuple[str, int], int]) -> None:
        gauge = self._metrics.consumer_lag
        gauge.clear()
        for (topic, partition), records in lags.items():
            gauge.labels(topic, str(partition)).set(records)

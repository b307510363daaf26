"""The four stages a decision goes through before it may become an order (contracts §5)."""

from collections.abc import Callable, Mapping, Sequence
from math import fsum, isfinite
from typing import Any, Literal, NamedTuple, final

import msgspec
from msgspec import UNSET, UnsetType

from orchestration.body import number_in
from orchestration.canonical import Number, number
from orchestration.signal import Signal
from orchestration.source import SourceSignal
from orchestration.timestamps import format_timestamp, milliseconds
from orchestration.workflow import Stages

STAGE_ERROR = "stage_error"

_DECIMALS = 12
_SURELY_ABOVE_ZERO = 1e-11
_LARGEST_LEAD_MS = 60_000


class Staged(msgspec.Struct, frozen=True, gc=False):
    """What the stages look at. ``signals``: the contributing agents', ``enriched_at``: the latest of theirs.

    Times in ms since the epoch.
    """

    signals: Mapping[str, Signal]
    enriched_at: int
    source: SourceSignal | None
    position_multiplier: float
    first_seen: int
    orchestrated_at: int


@final
class Stop(msgspec.Struct, frozen=True, gc=False):
    """A stage's verdict that nothing may be executed."""

    stop_workflow: Literal[True]
    reason: str


@final
class Failure(msgspec.Struct, frozen=True, gc=False):
    """A stage's result that no number can hold: reported as an exception of that kind would be."""

    type: str
    message: str


class Quality(msgspec.Struct, frozen=True, gc=False):
    quality_score: Number
    validated: Literal[True] = True


class RiskFactors(msgspec.Struct, frozen=True, gc=False):
    """The risk agent's numbers; those that it does not give are left out."""

    overall_risk: Number
    current_exposure_pct: Number | UnsetType = UNSET
    correlation_risk: Number | UnsetType = UNSET
    current_vol_estimate: Number | UnsetType = UNSET
    vol_percentile: Number | UnsetType = UNSET


class RiskApproved(msgspec.Struct, frozen=True, gc=False):
    risk_factors: RiskFactors
    risk_approved: Literal[True] = True


@final
class Size(msgspec.Struct, frozen=True, gc=False):
    base_size: Number
    position_size: Number


@final
class Timing(msgspec.Struct, frozen=True, gc=False):
    signal_age_sec: Number
    valid_until: str


Passed = Quality | RiskApproved | Size | Timing
Result = Passed | Stop | Failure


class StageRecord(msgspec.Struct, frozen=True, gc=False):
    """A stage as it stands in the decision: with a result, or with the error that kept it from one."""

    stage: int
    name: str
    stopped: bool
    result: Passed | Stop | UnsetType = UNSET
    error: Failure | UnsetType = UNSET


class StagesRun(msgspec.Struct, frozen=True, gc=False):
    """``records`` as they stand in the decision; ``stopped``: the reason of the stage that stopped, ``stage_error`` or None.

    ``size`` and ``timing``: the results of those stages, where they passed.
    """

    records: Sequence[StageRecord]
    stopped: str | None
    size: Size | None
    timing: Timing | None


def run_stages(planned: Sequence["PlannedStage"], staged: Staged) -> StagesRun:
    """Run a workflow's stages in order up to the first that stops or fails. Never raises."""
    records: list[StageRecord] = []
    stopped: str | None = None
    size: Size | None = None
    timing: Timing | None = None
    for number_of_stage, name, stage, limit in planned:
        try:
            result = stage(staged, limit)
        except Exception as error:  # noqa: BLE001 - a stage that fails stops its own decision, not the worker
            # Class and fixed text only: an exception's own text may carry a received value into topics and logs.
            result = Failure(type(error).__name__, f"{name}: could not be computed")
        # `isinstance` asks a struct's metaclass, which costs as much as a stage.
        if type(result) is Failure:
            records.append(StageRecord(number_of_stage, name, True, error=result))
            stopped = STAGE_ERROR
            break
        if type(result) is Stop:
            records.append(StageRecord(number_of_stage, name, True, result))
            stopped = result.reason
            break
        records.append(StageRecord(number_of_stage, name, False, result))
        if type(result) is Size:
            size = result
        elif type(result) is Timing:
            timing = result
    return StagesRun(records, stopped, size, timing)


def validation(staged: Staged, minimum_quality: float) -> Result:
    """Stops where the agents' mean confidence in themselves is too low."""
    reported = []
    for signal in staged.signals.values():
        confidence = signal.payload.analysis.confidence
        if confidence is not None:
            reported.append(confidence)
    # The exact sum, rounded: 0.6 three times must be 0.6 in any order, and a mean of 0.6 must pass.
    quality = round(fsum(reported) / len(reported), _DECIMALS) if reported else 1.0
    if quality < minimum_quality:
        return Stop(True, "poor_signal_quality")
    return Quality(number(quality))


def risk_check(staged: Staged, maximum_overall_risk: float) -> Result:
    """Stops where the risk agent says no, says nothing, or sees too much risk."""
    risk = staged.signals.get("risk")
    if risk is None:
        return Stop(True, "no_risk_view")
    analysis = risk.payload.analysis
    if analysis.risk_level == "blocked":
        return Stop(True, "risk_blocked")
    overall = analysis.overall_score
    if overall > maximum_overall_risk:
        return Stop(True, "excessive_risk")
    exposure, volatility = analysis.exposure_analysis, analysis.volatility_metrics
    return RiskApproved(
        RiskFactors(
            number(overall),
            _factor(exposure, "current_exposure_pct"),
            _factor(exposure, "correlation_risk"),
            _factor(volatility, "current_vol_estimate"),
            _factor(volatility, "vol_percentile"),
        )
    )


def _factor(section: Any, name: str) -> Number | UnsetType:
    value = None if section is None else number_in(section, name)
    return UNSET if value is None else number(value)


def position_sizing(staged: Staged, _limit: None) -> Result:
    """Stops without a size above 0 or without a price. Sizes in account currency."""
    risk = staged.signals.get("risk")
    sizing = None if risk is None else risk.payload.analysis.position_sizing
    base = None if sizing is None else sizing.recommended_size
    if sizing is None or base is None or not base > 0:
        return Stop(True, "no_position_size")
    size = base * staged.position_multiplier
    cap = sizing.max_position_size
    if cap is not None and cap < size:
        size = cap
    if not isfinite(size):
        return Failure("OverflowError", "position_size: finite number")
    # Compared as they will be written: an order for 0.0, or one to be converted by a price of 0.0, must not go out.
    if _written_as_zero(size):
        return Stop(True, "no_position_size")
    price = staged.source.price if staged.source is not None else None
    if price is None or _written_as_zero(price):
        return Stop(True, "no_price")
    return Size(number(base), number(size))


def _written_as_zero(value: float) -> bool:
    return value < _SURELY_ABOVE_ZERO and not round(value, _DECIMALS) > 0


def execution_timing(staged: Staged, largest: int) -> Result:
    """Stops where the source signal is older than ``largest`` (ms), or from the future, or of no known time."""
    if staged.source is None or staged.source.timestamp is None:
        return Stop(True, "stale_signal")
    since_source = staged.enriched_at - staged.source.timestamp
    age = max(since_source, staged.orchestrated_at - staged.first_seen)
    # The lead is that of the source's time alone: the larger of the two is never negative.
    if age > largest or since_source < -_LARGEST_LEAD_MS:
        return Stop(True, "stale_signal")
    valid_until = format_timestamp(staged.orchestrated_at + largest - age)
    return Timing(number(age / 1000), valid_until)


class PlannedStage(NamedTuple):
    number_of_stage: int
    name: str
    stage: Callable[[Staged, Any], Result]
    limit: float | None


def planned_stages(limits: Stages) -> tuple[PlannedStage, ...]:
    """The stages that run, in order; one that a workflow leaves out keeps its number."""
    planned = []
    if limits.validation is not None:
        planned.append(PlannedStage(0, "validation", validation, limits.validation.minimum_quality))
    if limits.risk_check is not None:
        planned.append(PlannedStage(1, "risk_check", risk_check, limits.risk_check.maximum_overall_risk))
    if limits.position_sizing is not None:
        planned.append(PlannedStage(2, "position_sizing", position_sizing, None))
    if limits.execution_timing is not None:
        largest = milliseconds(limits.execution_timing.max_signal_age_sec)
        planned.append(PlannedStage(3, "execution_timing", execution_timing, largest))
    return tuple(planned)

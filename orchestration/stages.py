"""The four stages a decision goes through before it may become an order (contracts §5)."""

from collections.abc import Callable, Mapping
from math import fsum, isfinite
from typing import NamedTuple

from orchestration.body import at, number_at, text_at
from orchestration.canonical import number
from orchestration.inputs import SourceSignal
from orchestration.signal import JsonObject
from orchestration.timestamps import format_timestamp
from orchestration.workflow import Stages

STAGE_ERROR = "stage_error"

_DECIMALS = 12
_SURELY_ABOVE_ZERO = 1e-11
_LARGEST_LEAD_MS = 60_000


class Staged(NamedTuple):
    """What the stages look at. ``bodies``: payloads of the contributing agents, ``enriched_at``: the latest of theirs.

    Times in ms since the epoch.
    """

    limits: Stages
    bodies: Mapping[str, JsonObject]
    enriched_at: int
    source: SourceSignal | None
    position_multiplier: float
    first_seen: int
    orchestrated_at: int


class Stop(NamedTuple):
    """A stage's verdict that nothing may be executed."""

    reason: str


class Failure(NamedTuple):
    """A stage's result that no number can hold: reported as an exception of that kind would be."""

    type: str
    message: str


Result = JsonObject | Stop | Failure


class StagesRun(NamedTuple):
    """``records`` as they stand in the decision; ``stopped``: the reason of the stage that stopped, ``stage_error`` or None.

    ``results`` by stage name, of the stages that passed.
    """

    records: list[JsonObject]
    stopped: str | None
    results: Mapping[str, JsonObject]


def run_stages(staged: Staged) -> StagesRun:
    """Run the workflow's stages in order up to the first that stops or fails. Never raises."""
    records: list[JsonObject] = []
    results: dict[str, JsonObject] = {}
    for index, (name, stage) in enumerate(_STAGES):
        if getattr(staged.limits, name) is None:
            continue
        try:
            result = stage(staged)
        except Exception as error:  # noqa: BLE001 - a stage that fails stops its own decision, not the worker
            # Class and fixed text only: an exception's own text may carry a received value into topics and logs.
            result = Failure(type(error).__name__, f"{name}: could not be computed")
        if isinstance(result, Failure):
            records.append({"stage": index, "name": name, "stopped": True, "error": result._asdict()})
            return StagesRun(records, STAGE_ERROR, results)
        if isinstance(result, Stop):
            stop = {"stop_workflow": True, "reason": result.reason}
            records.append({"stage": index, "name": name, "stopped": True, "result": stop})
            return StagesRun(records, result.reason, results)
        records.append({"stage": index, "name": name, "stopped": False, "result": result})
        results[name] = result
    return StagesRun(records, None, results)


def validation(staged: Staged) -> Result:
    """Stops where the agents' mean confidence in themselves is too low."""
    assert staged.limits.validation is not None
    reported = [
        confidence
        for body in staged.bodies.values()
        if (confidence := number_at(body, "analysis", "confidence")) is not None
    ]
    # The exact sum, rounded: 0.6 three times must be 0.6 in any order, and a mean of 0.6 must pass.
    quality = round(fsum(reported) / len(reported), _DECIMALS) if reported else 1.0
    if quality < staged.limits.validation.minimum_quality:
        return Stop("poor_signal_quality")
    return {"quality_score": number(quality), "validated": True}


def risk_check(staged: Staged) -> Result:
    """Stops where the risk agent says no, says nothing, or sees too much risk."""
    assert staged.limits.risk_check is not None
    risk = staged.bodies.get("risk")
    if text_at(risk, "analysis", "risk_level") == "blocked":
        return Stop("risk_blocked")
    overall = number_at(risk, "analysis", "overall_score")
    if overall is None:
        return Stop("no_risk_view")
    if overall > staged.limits.risk_check.maximum_overall_risk:
        return Stop("excessive_risk")
    factors: JsonObject = {"overall_risk": number(overall)}
    for section, name in _RISK_FACTORS:
        factor = number_at(risk, "analysis", section, name)
        if factor is not None:
            factors[name] = number(factor)
    return {"risk_factors": factors, "risk_approved": True}


_RISK_FACTORS = (
    ("exposure_analysis", "current_exposure_pct"),
    ("exposure_analysis", "correlation_risk"),
    ("volatility_metrics", "current_vol_estimate"),
    ("volatility_metrics", "vol_percentile"),
)


def position_sizing(staged: Staged) -> Result:
    """Stops without a size above 0 or without a price. Sizes in account currency."""
    sizing = at(staged.bodies.get("risk"), "analysis", "position_sizing")
    base = number_at(sizing, "recommended_size")
    if base is None or not base > 0:
        return Stop("no_position_size")
    size = base * staged.position_multiplier
    cap = number_at(sizing, "max_position_size")
    if cap is not None and cap < size:
        size = cap
    if not isfinite(size):
        return Failure("OverflowError", "position_size: finite number")
    # Compared as they will be written: an order for 0.0, or one to be converted by a price of 0.0, must not go out.
    if _written_as_zero(size):
        return Stop("no_position_size")
    price = staged.source.price if staged.source is not None else None
    if price is None or _written_as_zero(price):
        return Stop("no_price")
    return {"base_size": number(base), "position_size": number(size)}


def _written_as_zero(value: float) -> bool:
    return value < _SURELY_ABOVE_ZERO and not round(value, _DECIMALS) > 0


def execution_timing(staged: Staged) -> Result:
    """Stops where the source signal is too old, or from the future, or of no known time."""
    assert staged.limits.execution_timing is not None
    if staged.source is None or staged.source.timestamp is None:
        return Stop("stale_signal")
    since_source = staged.enriched_at - staged.source.timestamp
    age = max(since_source, staged.orchestrated_at - staged.first_seen)
    largest = round(staged.limits.execution_timing.max_signal_age_sec * 1000)
    # The lead is that of the source's time alone: the larger of the two is never negative.
    if age > largest or since_source < -_LARGEST_LEAD_MS:
        return Stop("stale_signal")
    valid_until = format_timestamp(staged.orchestrated_at + largest - age)
    return {"signal_age_sec": number(age / 1000), "valid_until": valid_until}


_STAGES: tuple[tuple[str, Callable[[Staged], Result]], ...] = (
    ("validation", validation),
    ("risk_check", risk_check),
    ("position_sizing", position_sizing),
    ("execution_timing", execution_timing),
)

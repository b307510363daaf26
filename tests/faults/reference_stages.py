"""Confidence and stages (contracts §5), apart from the real core."""

import math

from tests.faults.reference_rules import at, rounded
from tests.faults.reference_time import milliseconds_of, time_text
from tests.faults.reference_validation import Json, Signal, is_fraction, is_number

RISK_FACTORS = [
    ("exposure_analysis", "current_exposure_pct"),
    ("exposure_analysis", "correlation_risk"),
    ("volatility_metrics", "current_vol_estimate"),
    ("volatility_metrics", "vol_percentile"),
]


def confidence_and_contributions(
    weights: Json, signals: dict[str, Signal]
) -> tuple[float | None, dict[str, float]]:
    parts: list[tuple[str, float, float]] = []
    for agent, entry in weights.items():
        if agent in signals:
            path = entry["value"].removeprefix("1 - ")
            value = at(signals[agent].payload["analysis"], path)
            if not is_fraction(value):
                value = 0.0
            elif entry["value"].startswith("1 - "):
                value = 1 - value
            parts.append((agent, entry["weight"], value))
    if not parts:
        return None, {}
    # Left to right in the workflow's order: another order, or an exact sum, gives other last digits.
    total, weight_total = 0.0, 0.0
    for _, weight, value in parts:
        total = total + weight * value
        weight_total = weight_total + weight
    return total / weight_total, {agent: weight * value / weight_total for agent, weight, value in parts}


class StopError(Exception):
    """The text is the reason."""


class NotFiniteError(Exception):
    """A number in a stage's result is not finite; the text is the message."""


def run_stages(
    workflow: Json,
    signals: dict[str, Signal],
    source: Json | None,
    multiplier: float,
    orchestrated_at: int,
    first_seen: int,
) -> list[Json]:
    limits = workflow.get("stages") or {}

    def validation(limit: Json) -> Json:
        confidences = [s.payload["analysis"].get("confidence") for s in signals.values()]
        reported = [float(value) for value in confidences if value is not None]
        quality = rounded(math.fsum(reported) / len(reported)) if reported else 1.0
        if quality < limit.get("minimum_quality", 0.6):
            raise StopError("poor_signal_quality")
        return {"quality_score": quality, "validated": True}

    def risk_check(limit: Json) -> Json:
        if "risk" not in signals:
            raise StopError("no_risk_view")
        risk = signals["risk"].payload["analysis"]
        if risk.get("risk_level") == "blocked":
            raise StopError("risk_blocked")
        if risk["overall_score"] > limit.get("maximum_overall_risk", 0.8):
            raise StopError("excessive_risk")
        factors = {"overall_risk": float(risk["overall_score"])}
        for part, name in RISK_FACTORS:
            if is_number(at(risk, f"{part}.{name}")):
                factors[name] = float(risk[part][name])
        return {"risk_factors": factors, "risk_approved": True}

    def position_sizing(limit: Json) -> Json:
        sizing = at(signals["risk"].payload["analysis"], "position_sizing") if "risk" in signals else None
        base, most = at(sizing, "recommended_size"), at(sizing, "max_position_size")
        if base is None or base == 0:
            raise StopError("no_position_size")
        size = float(base) * multiplier
        if most is not None:
            size = min(size, float(most))
        if not math.isfinite(size):
            raise NotFiniteError("position_size: finite number")
        if rounded(size) == 0:
            raise StopError("no_position_size")
        if source is None or source["price"] is None or rounded(source["price"]) == 0:
            raise StopError("no_price")
        return {"base_size": float(base), "position_size": size}

    def execution_timing(limit: Json) -> Json:
        oldest = round(limit.get("max_signal_age_sec", 300.0) * 1000)
        if source is None or source["timestamp"] is None:
            raise StopError("stale_signal")
        enriched_at = max(milliseconds_of(s.payload["enriched_at"]) for s in signals.values())
        behind_source = enriched_at - milliseconds_of(source["timestamp"])
        age = max(behind_source, orchestrated_at - first_seen)
        if age > oldest or behind_source < -60_000:
            raise StopError("stale_signal")
        return {"signal_age_sec": age / 1000, "valid_until": time_text(orchestrated_at + oldest - age)}

    done: list[Json] = []
    for number, run in enumerate((validation, risk_check, position_sizing, execution_timing)):
        limit = limits.get(run.__name__, {})
        if limit is None:
            continue
        entry: Json = {"stage": number, "name": run.__name__, "stopped": False}
        done.append(entry)
        try:
            entry["result"] = run(limit)
        except StopError as reason:
            entry.update(stopped=True, result={"stop_workflow": True, "reason": str(reason)})
            break
        except NotFiniteError as problem:
            entry.update(stopped=True, error={"type": "OverflowError", "message": str(problem)})
            break
    return done

"""What the workload's signals say: drawn from a seeded source, so that every route, stage and precedence is met."""

import math
from itertools import permutations
from random import Random

from tests.real.signal_sets import NORMALIZED, Bodies, Json, enriched, normalized

REQUIRED = ("momentum", "risk", "correlation")
OPTIONAL = ("sentiment", "macro")
INSTRUMENTS = ("EURUSD", "EURUSD", "BTC/USD", "SPY", "GBPJPY")
_SECONDS = "2026-01-15T10:30:0"


def drawn_bodies(random: Random, corr_id: str) -> Bodies:
    """Payload by agent for the normalized signal and every agent, optional ones too."""
    # Most rules forbid something: left to chance alone hardly any order would ever be sent.
    promising = random.random() < 0.5
    trend, side = random.choice([("bullish", "buy"), ("bearish", "sell")])
    if not promising:
        trend = random.choice(["bullish", "bearish", "sideways"])
    source: Json = {
        "instrument": random.choice(INSTRUMENTS),
        "price": round(random.uniform(0.5, 70_000), random.randint(0, 5)) or 1.0,
        "side": side if promising or random.random() > 0.1 else None,
        "timestamp": "2026-01-15T10:30:00.000Z",
    }
    analyses: dict[str, Json] = {
        "momentum": {
            "confidence": random.uniform(0.71 if promising else 0.3, 1.0),
            "momentum_strength": random.uniform(0.61 if promising else 0.0, 1.0),
            "trend_direction": trend,
        },
        "risk": {
            "overall_score": random.uniform(0.0, 0.7 if promising else 1.0),
            "risk_level": random.choice(["low", "medium"] if promising else ["low", "high", "blocked"]),
            "position_sizing": {
                "recommended_size": round(random.uniform(0, 9000), 2),
                "max_position_size": 8000.0,
            },
            "recommendations": {"suggested_stop_loss": 1.09, "max_risk_per_trade": 0.02},
            "exposure_analysis": {"current_exposure_pct": random.random()},
        },
        "correlation": {"portfolio_impact": random.random(), "confidence": random.uniform(0.5, 1.0)},
        "sentiment": {"confidence": random.uniform(0.4, 1.0), "mood": "calm"},
        "macro": {"confidence": random.uniform(0.4, 1.0)},
    }
    bodies: Bodies = {
        NORMALIZED: normalized(corr_id, **source, strength=random.choice([None, random.random()]))
    }
    for agent, analysis in analyses.items():
        body = enriched(agent, corr_id)
        body["analysis"] = analysis
        body["source_signal"] = dict(source)
        body["enriched_at"] = f"{_SECONDS}{random.randint(1, 9)}.{random.randint(0, 999):03d}Z"
        bodies[agent] = body
    if random.random() < 0.03:
        bodies["correlation"]["source_signal"]["instrument"] = "USDCHF"
    return bodies


def invalid(random: Random, agent: str, body: Json) -> Json:
    """The same signal with something in it that contracts §3 does not allow, but a usable corr_id."""
    wrong: list[Json] = [{"enriched_at": "yesterday"}, {"schema_version": "2.0.0"}, {"analysis": None}]
    if agent == NORMALIZED:
        wrong = [{"price": -1}, {"source": "nobody"}, {"timestamp": None}]
    elif agent == "risk":
        wrong.append({"analysis": body["analysis"] | {"overall_score": 1.5}})
    elif agent == "momentum":
        wrong.append({"analysis": body["analysis"] | {"confidence": "high"}})
    return body | random.choice(wrong)


def straddle(random: Random, bodies: Bodies) -> None:
    """Give three agents values whose weighted mean, rounded as a decision rounds it, depends on the order of summation.

    Without such values an orchestrator that sums in the order of arrival writes the same bytes as one that does not.
    """
    for _ in range(50):
        score, impact = random.uniform(0.1, 0.6), random.uniform(0.1, 0.9)
        rest = 0.4 * (1 - score) + 0.2 * impact
        between = (math.floor((rest + random.uniform(0.2, 0.35)) * 1e12) + 0.5) * 1e-12
        confidence = (between - rest) / 0.4
        for _ in range(40):
            parts = (0.4 * confidence, 0.4 * (1 - score), 0.2 * impact)
            if len({round(sum(order), 12) for order in permutations(parts)}) > 1:
                bodies["momentum"]["analysis"]["confidence"] = confidence
                bodies["risk"]["analysis"]["overall_score"] = score
                bodies["correlation"]["analysis"]["portfolio_impact"] = impact
                return
            confidence = math.nextafter(confidence, 1.0)

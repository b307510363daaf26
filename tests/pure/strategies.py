"""Inputs of every kind that validation lets through, for tests of what always holds."""

from typing import Any

from hypothesis import strategies as st

from orchestration.inputs import CompletedBy, Inputs
from tests.pure import builders
from tests.pure.builders import DECIDED, enriched, inputs, normalized

WORKFLOWS = builders.workflows()
WORKFLOW = WORKFLOWS.named("default")

fraction = st.floats(0, 1) | st.integers(0, 1)
odd: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(-2, 2)
    | st.text(max_size=3)
    | st.just([])
    | st.just({})
)
size = st.none() | st.floats(0, 1.7e308) | st.integers(0, 10**300)
source = st.fixed_dictionaries(
    {},
    optional={
        "instrument": st.sampled_from(["EURUSD", "BTC/USD", "SPY", None]),
        "price": st.none() | st.floats(min_value=0, max_value=1e308, exclude_min=True),
        "side": st.sampled_from(["buy", "sell", None]),
        "timestamp": st.sampled_from(
            ["2026-01-15T10:30:00Z", "2026-01-15T10:31:30+00:00", "0001-01-01T00:00:00Z", None]
        ),
    },
)
momentums = st.fixed_dictionaries(
    {"confidence": fraction},
    optional={
        "momentum_strength": st.none() | fraction,
        "trend_direction": st.sampled_from(["bullish", "bearish", "sideways", "unknown", None]),
        "source_signal": odd,
    },
)
risks = st.fixed_dictionaries(
    {"overall_score": fraction},
    optional={
        "confidence": st.none() | fraction,
        "risk_level": st.sampled_from(["low", "medium", "high", "blocked", None]),
        "position_sizing": st.none()
        | st.fixed_dictionaries({}, optional={"recommended_size": size, "max_position_size": size, "x": odd}),
        "recommendations": st.none()
        | st.fixed_dictionaries({}, optional={"suggested_stop_loss": st.none() | st.floats(1e-300, 1e300)}),
        "exposure_analysis": odd | st.fixed_dictionaries({"current_exposure_pct": odd}),
        "volatility_metrics": odd | st.fixed_dictionaries({"vol_percentile": odd}),
    },
)
correlations = st.fixed_dictionaries(
    {"portfolio_impact": fraction}, optional={"confidence": st.none() | fraction}
)
others = st.fixed_dictionaries({}, optional={"confidence": st.none() | fraction, "anything": odd})


# Good signals come often, or hardly any example would get past the stages to an order.
sources = st.just(builders.SOURCE) | st.just(builders.SOURCE) | source
bull: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "confidence": st.floats(0.6, 1),
        "momentum_strength": st.floats(0.5, 1),
        "trend_direction": st.sampled_from(["bullish", "bullish", "bearish"]),
    }
)
calm: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "overall_score": st.floats(0, 0.8),
        "risk_level": st.sampled_from(["low", "medium", "high", None]),
        "position_sizing": st.fixed_dictionaries({"recommended_size": st.floats(0.01, 1e18)}),
    }
)
KINDS: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "momentum": bull | bull | momentums,
    "risk": calm | calm | risks,
    "correlation": st.just(builders.CORRELATION) | correlations,
    "sentiment": others,
    "zeta": others,
}


@st.composite
def any_inputs(draw: st.DrawFn) -> Inputs:
    there = draw(
        st.sets(st.sampled_from(sorted(KINDS)), max_size=5) | st.just({"momentum", "risk", "correlation"})
    )
    signals = [
        enriched(agent, draw(KINDS[agent]), source=draw(st.none() | sources)) for agent in sorted(there)
    ]
    start = None
    if draw(st.booleans()):
        start = normalized(
            instrument=draw(st.sampled_from(["EURUSD", "EURUSD", "BTC/USD"])),
            side=draw(st.sampled_from(["buy", "buy", "sell", None])),
            price=draw(st.floats(0.001, 1e18) | st.floats(1e-300, 1e300)),
            strength=None,
        )
    completed_by: CompletedBy = draw(st.sampled_from(["all_required", "deadline"]))
    return inputs(
        *signals,
        start=start,
        errors={},
        workflow=WORKFLOW,
        orchestrated_at=DECIDED + draw(st.integers(0, 290_000) | st.integers(0, 400_000)),
        completed_by=completed_by,
    )

"""Contracts §3 to §5 as data: what the agents say, and which decision has to come of it.

Every rule of precedence alone, every pair of rules that can meet (the earlier one wins), every route, and what repeats,
invalid signals and deadlines change. All of them are sent at once, in three waves with growing timestamps.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.real.signal_sets import NORMALIZED, REQUIRED, Bodies, bodies

Change = Callable[[Bodies], None]


@dataclass(frozen=True)
class Expected:
    """``order``: the topic of the one executable message; None where nothing may be executed."""

    action: str
    reason: str
    route: str | None = "default"
    order: str | None = None
    completed_by: str = "all_required"
    contributing: tuple[str, ...] = ("correlation", "momentum", "risk")
    invalid: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scenario:
    """``change`` is made to a set of good signals; a body that it takes away is not sent.

    ``first``: agents of which another payload is sent before, in the first wave: a good one with this change.
    """

    name: str
    change: Change
    expected: Expected
    first: tuple[tuple[str, Change], ...] = ()

    def waves(self, corr_id: str) -> list[list[tuple[str, dict[str, object]]]]:
        """Agent and payload, in the waves in which they are sent; risk comes last, so that it completes the set."""
        sent = bodies(corr_id, *REQUIRED)
        self.change(sent)
        waves: list[list[tuple[str, dict[str, object]]]] = [[], [], []]
        for agent, change in self.first:
            earlier = bodies(corr_id, *REQUIRED)
            change(earlier)
            waves[0].append((agent, earlier[agent]))
        for agent, body in sent.items():
            waves[2 if agent == "risk" else 1 if agent in REQUIRED else 0].append((agent, body))
        return waves


def source(**changes: object) -> Change:
    """Everyone's idea of what is traded."""

    def change(sent: Bodies) -> None:
        for agent, body in sent.items():
            (body if agent == NORMALIZED else body["source_signal"]).update(changes)

    return change


def said(agent: str, **changes: object) -> Change:
    return lambda sent: sent[agent]["analysis"].update(changes)


def silent(*agents: str) -> Change:
    def change(sent: Bodies) -> None:
        for agent in agents:
            del sent[agent]

    return change


def all_of(*changes: Change) -> Change:
    def change(sent: Bodies) -> None:
        for each in changes:
            each(sent)

    return change


def unchanged(sent: Bodies) -> None:
    """The payloads are good as they are."""


def noted(agent: str) -> Change:
    """Another payload that says the same."""
    return lambda sent: sent[agent].update(note="first")


def _nameless(sent: Bodies) -> None:
    del sent[NORMALIZED]
    for body in sent.values():
        body["source_signal"]["instrument"] = None


def _disagreeing(sent: Bodies) -> None:
    sent["correlation"]["source_signal"].update(instrument="GBPUSD", side="sell")


def _priceless(sent: Bodies) -> None:
    sent.pop(NORMALIZED, None)
    for body in sent.values():
        body["source_signal"]["price"] = None


def _slow(sent: Bodies) -> None:
    sent["momentum"]["enriched_at"] = "2026-01-15T10:35:00.001Z"


def _ahead(sent: Bodies) -> None:
    for body in sent.values():
        body["enriched_at"] = "2026-01-15T10:00:00Z"
    source(timestamp="2026-01-15T10:01:00.001Z")(sent)


# In the order of their precedence; stages before the checks of the source signal.
RULES: list[tuple[str, str, Change]] = [
    ("no_trade", "risk_blocked", said("risk", risk_level="blocked")),
    ("monitor", "no_risk_view", said("risk", overall_score=1.5)),
    ("monitor", "no_momentum_view", said("momentum", confidence="high")),
    ("monitor", "poor_signal_quality", said("correlation", confidence=0.0)),
    ("monitor", "excessive_risk", said("risk", overall_score=0.81)),
    ("monitor", "no_position_size", said("risk", position_sizing={"recommended_size": 0})),
    ("monitor", "no_price", _priceless),
    ("monitor", "stale_signal", _slow),
    ("monitor", "source_conflict", _disagreeing),
    ("monitor", "no_instrument", _nameless),
    ("monitor", "informational", source(side=None)),
    ("monitor", "no_direction", said("momentum", trend_direction="sideways")),
    ("monitor", "direction_conflict", said("momentum", trend_direction="bearish")),
    ("monitor", "insufficient_confidence", said("momentum", momentum_strength=0.1)),
]
# Where one takes away what the other needs, or is the other.
_APART = (
    {"risk_blocked", "no_risk_view"},
    {"no_risk_view", "excessive_risk"},
    {"no_risk_view", "no_position_size"},
    {"no_price", "no_instrument"},
    {"source_conflict", "no_instrument"},
    {"source_conflict", "informational"},
    {"no_instrument", "informational"},
    {"no_direction", "direction_conflict"},
    {"no_momentum_view", "poor_signal_quality"},
    *(
        {"no_momentum_view", other}
        for other in ("no_direction", "direction_conflict", "insufficient_confidence")
    ),
)
_UNSEEN = {"no_risk_view": "risk", "no_momentum_view": "momentum"}


def _rule(name: str, action: str, reason: str, *changes: Change, reasons: tuple[str, ...]) -> Scenario:
    invalid = tuple(sorted(_UNSEEN[each] for each in reasons if each in _UNSEEN))
    contributing = tuple(agent for agent in sorted(REQUIRED) if agent not in invalid)
    expected = Expected(action, reason, contributing=contributing, invalid=invalid)
    return Scenario(name, all_of(*changes), expected)


def _rules() -> Iterator[Scenario]:
    for place, (action, reason, change) in enumerate(RULES):
        yield _rule(reason, action, reason, change, reasons=(reason,))
        for _, later, other in RULES[place + 1 :]:
            if {reason, later} not in _APART and not (
                reason == "no_risk_view" and later == "no_momentum_view"
            ):
                yield _rule(
                    f"{reason}-before-{later}", action, reason, other, change, reasons=(reason, later)
                )


_UNLIMITED = {"recommended_size": 7500.0, "max_position_size": 10000.0}
ROUTES = [
    Scenario(
        "default-trades",
        unchanged,
        Expected("trade", "high_confidence_momentum", order="execution.order"),
    ),
    Scenario(
        "default-trades-at-medium-risk-and-the-size-is-capped",
        said("risk", risk_level="medium", position_sizing=_UNLIMITED | {"max_position_size": 100}),
        Expected("trade", "high_confidence_momentum", order="execution.order"),
    ),
    Scenario(
        "default-sells",
        all_of(source(side="sell"), said("momentum", trend_direction="bearish")),
        Expected("trade", "high_confidence_momentum", order="execution.order"),
    ),
    Scenario(
        "crypto_high_risk",
        all_of(source(instrument="BTC/USD"), said("risk", risk_level="high")),
        Expected("trade_with_caution", "crypto_high_risk", "crypto_high_risk", "execution.crypto.high_risk"),
    ),
    Scenario(
        "crypto-at-low-risk-is-default",
        source(instrument="BTC/USD"),
        Expected("trade", "high_confidence_momentum", order="execution.order"),
    ),
    Scenario(
        "forex_momentum",
        said("momentum", momentum_strength=0.71),
        Expected("trade", "forex_momentum", "forex_momentum", "execution.forex.momentum"),
    ),
    Scenario(
        "forex-at-the-limit-is-default",
        said("momentum", momentum_strength=0.7),
        Expected("trade", "high_confidence_momentum", order="execution.order"),
    ),
    Scenario(
        "the-route-is-named-where-a-rule-forbids-it",
        all_of(said("momentum", momentum_strength=0.9), said("risk", risk_level="blocked")),
        Expected("no_trade", "risk_blocked", "forex_momentum"),
    ),
    Scenario(
        "high-risk-without-a-route-of-its-own-is-watched",
        said("risk", risk_level="high"),
        Expected("monitor", "insufficient_confidence"),
    ),
    Scenario("a-source-from-the-future-is-stale", _ahead, Expected("monitor", "stale_signal")),
]

ARRIVALS = [
    Scenario(
        "one-signal-of-three-at-the-deadline",
        silent("risk", "correlation"),
        Expected("insufficient_data", "insufficient_data", None, None, "deadline", ("momentum",)),
    ),
    Scenario(
        "one-valid-signal-of-three-when-all-have-reported",
        all_of(said("risk", overall_score=-1), said("correlation", portfolio_impact=None)),
        Expected(
            "insufficient_data",
            "insufficient_data",
            None,
            contributing=("momentum",),
            invalid=("correlation", "risk"),
        ),
    ),
    Scenario(
        "two-signals-of-three-at-the-deadline-trade",
        silent("correlation"),
        Expected(
            "trade",
            "high_confidence_momentum",
            order="execution.order",
            completed_by="deadline",
            contributing=("momentum", "risk"),
        ),
    ),
    Scenario(
        "without-risk-at-the-deadline",
        silent("risk"),
        Expected(
            "monitor", "no_risk_view", completed_by="deadline", contributing=("correlation", "momentum")
        ),
    ),
    Scenario(
        "without-momentum-at-the-deadline",
        silent("momentum"),
        Expected(
            "monitor", "no_momentum_view", completed_by="deadline", contributing=("correlation", "risk")
        ),
    ),
    Scenario(
        "a-normalized-signal-alone-at-the-deadline",
        silent(*REQUIRED),
        Expected("insufficient_data", "insufficient_data", None, None, "deadline", ()),
    ),
    Scenario(
        "no-normalized-signal-at-all",
        silent(NORMALIZED),
        Expected("trade", "high_confidence_momentum", order="execution.order"),
    ),
    Scenario(
        "an-optional-agent-contributes",
        lambda sent: sent.update(sentiment=bodies(sent["risk"]["corr_id"], "sentiment")["sentiment"]),
        Expected(
            "trade",
            "high_confidence_momentum",
            order="execution.order",
            contributing=("correlation", "momentum", "risk", "sentiment"),
        ),
    ),
    Scenario(
        "of-repeats-the-last-counts-and-of-normalized-signals-the-first",
        said("momentum", momentum_strength=0.9),
        Expected("trade", "forex_momentum", "forex_momentum", "execution.forex.momentum"),
        first=((NORMALIZED, noted(NORMALIZED)), ("momentum", unchanged), ("correlation", unchanged)),
    ),
    Scenario(
        "an-invalid-repeat-does-not-displace-a-valid-signal",
        said("correlation", portfolio_impact=7),
        Expected("trade", "high_confidence_momentum", order="execution.order"),
        first=(("correlation", noted("correlation")),),
    ),
    Scenario(
        "a-valid-repeat-mends-an-invalid-signal",
        unchanged,
        Expected("trade", "high_confidence_momentum", order="execution.order"),
        first=(("momentum", said("momentum", confidence=2)),),
    ),
    Scenario(
        "an-invalid-risk-signal-voids-the-valid-one-before-it",
        all_of(said("risk", overall_score=2), silent("momentum")),
        Expected(
            "insufficient_data",
            "insufficient_data",
            None,
            completed_by="deadline",
            contributing=("correlation",),
            invalid=("risk",),
        ),
        first=(("risk", unchanged),),
    ),
    Scenario(
        "unknown-fields-are-passed-on",
        lambda sent: sent["momentum"].update(extra={"deep": [1, 2]}),
        Expected("trade", "high_confidence_momentum", order="execution.order"),
    ),
]

SCENARIOS = [*ROUTES, *ARRIVALS, *_rules()]

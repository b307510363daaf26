"""What came out of a play, in numbers: filled record by record, asked for the table and for what did not occur."""

from collections import Counter
from dataclasses import dataclass, field
from math import ceil
from typing import Any

ACTIONS = ("trade", "trade_with_caution", "monitor", "no_trade", "insufficient_data")
ROUTES = ("crypto_high_risk", "forex_momentum", "default")
LEAST_SIGNALS = 3000


@dataclass(slots=True)
class Numbers:
    """Times in ms since the epoch, as Kafka stamped the records. Signals and decisions are counted once per corr_id."""

    signals: dict[str, int] = field(default_factory=dict)
    analyses: dict[str, dict[str, int]] = field(default_factory=dict)
    decisions: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    decided: dict[str, int] = field(default_factory=dict)
    decided_again: int = 0
    partial: int = 0
    by_deadline: int = 0
    orders: Counter[str] = field(default_factory=Counter)
    late: Counter[str] = field(default_factory=Counter)
    dead_letters: Counter[tuple[str, str]] = field(default_factory=Counter)
    waited_for: dict[str, frozenset[str]] = field(default_factory=dict)
    records_in: int = 0

    def take_signal(self, corr_id: str, timestamp: int) -> None:
        self.records_in += 1
        self.signals.setdefault(corr_id, timestamp)

    def take_analysis(self, agent: str, corr_id: str, timestamp: int) -> None:
        self.records_in += 1
        self.analyses.setdefault(corr_id, {}).setdefault(agent, timestamp)

    def take_decision(self, decision: dict[str, Any], timestamp: int) -> None:
        corr_id = decision["corr_id"]
        if corr_id in self.decided:
            self.decided_again += 1
            return
        self.decided[corr_id] = timestamp
        self.decisions[decision["action"], decision["route"] or "–", decision["reason"]] += 1
        self.partial += decision["partial_data"]
        if decision["completed_by"] == "deadline":
            self.by_deadline += 1
            return
        self.waited_for[corr_id] = frozenset((*decision["contributing_agents"], *decision["invalid_agents"]))

    def latencies(self) -> list[int]:
        """In ms, ascending: from the last analysis that a decision waited for to the decision, for those at no deadline."""
        found = []
        for corr_id, agents in self.waited_for.items():
            reported = [at for agent, at in self.analyses.get(corr_id, {}).items() if agent in agents]
            if reported:
                found.append(self.decided[corr_id] - max(reported))
        return sorted(found)

    def latency(self, share: float) -> int | None:
        """The nearest-rank quantile in ms; ``share`` 0.5 is the median."""
        ordered = self.latencies()
        return ordered[max(0, ceil(share * len(ordered)) - 1)] if ordered else None

    @property
    def seconds(self) -> float:
        """From the first signal to the last decision."""
        if not self.signals or not self.decided:
            return 0.0
        return (max(self.decided.values()) - min(self.signals.values())) / 1000

    def undecided(self, corr_ids: list[str]) -> int:
        return sum(corr_id not in self.decided for corr_id in corr_ids)

    def missing(self) -> list[str]:
        """The kinds of outcome that a whole play must show and this one did not."""
        actions = {action for action, _, _ in self.decisions}
        traded = {route for action, route, _ in self.decisions if action.startswith("trade")}
        found = {
            f"{LEAST_SIGNALS} signals": len(self.signals) >= LEAST_SIGNALS,
            **{f"action {action}": action in actions for action in ACTIONS},
            **{f"an order by route {route}": route in traded for route in ROUTES},
            "partial data": self.partial > 0,
            "a late signal": bool(self.late),
            "a dead letter": bool(self.dead_letters),
            "one decision per signal, none twice": self.decided_again == 0
            and not self.undecided(list(self.signals)),
        }
        return [kind for kind, occurred in found.items() if not occurred]

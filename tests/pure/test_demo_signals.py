"""The demo's real input: bars as recorded, signals by a stated rule, misbehaviour on purpose, and honest variety."""

from collections import Counter
from datetime import UTC, datetime
from functools import cache
from typing import Any

import msgspec
import pytest

from agents.demo.bars import BarsNotInstalled, _package_folder, four_hour_bars, market_bars
from agents.demo.mischief import Misdeed, misdeeds
from agents.demo.numbers import ACTIONS, LEAST_SIGNALS, ROUTES, Numbers
from agents.demo.signals import PLAYED_BARS, PlayedBar, corr_id, normalized_signal, play_order
from agents.trading.correlation import Correlation
from agents.trading.history import Bar
from agents.trading.momentum import Momentum
from agents.trading.risk import Risk
from orchestration.partitioning import partition_of

NOW = datetime(2026, 1, 15, 10, 30, 0, 500_000, tzinfo=UTC)


def bar(close: float, time: str = "2008-01-02T00:00:00.000Z") -> Bar:
    return Bar(time, "1d", close, close, close, close, 1.0)


@cache
def whole_play() -> tuple[PlayedBar, ...]:
    return tuple(play_order(market_bars()))


@cache
def analyses() -> list[tuple[PlayedBar, dict[str, dict[str, Any] | None]]]:
    """What the three agents say to the whole play as long as nothing is traded."""
    agents = (Momentum(), Risk(), Correlation())
    return [
        (played, {agent.name: agent.analyse(normalized_signal(played, "r", NOW)) for agent in agents})
        for played in whole_play()
    ]


class TestBars:
    def test_each_instrument_is_there_in_the_order_of_time(self) -> None:
        for instrument, bars in market_bars().items():
            times = [bar.time for bar in bars]
            assert times == sorted(set(times)), instrument
            assert len(bars) >= PLAYED_BARS[instrument]

    def test_bars_are_as_recorded(self) -> None:
        first = market_bars()["BTC/USD"][0]
        assert first == Bar("2012-01-31T00:00:00.000Z", "1M", 4.58, 7.38, 3.8, 5.55, 2012.25343589)

    def test_shares_overlap_day_by_day(self) -> None:
        bars = market_bars()
        assert [b.time for b in bars["AAPL"][:550]] == [b.time for b in bars["MSFT"][:550]]

    def test_four_hours_are_gathered_from_midnight(self) -> None:
        hours = [
            Bar(f"2017-04-19T{hour:02d}:00:00.000Z", "1h", hour, hour + 2, hour - 2, hour + 1, 10)
            for hour in range(6, 13)
        ]
        assert four_hour_bars(hours) == [
            Bar("2017-04-19T06:00:00.000Z", "4h", 6, 9, 4, 8, 20),
            Bar("2017-04-19T08:00:00.000Z", "4h", 8, 13, 6, 12, 40),
            Bar("2017-04-19T12:00:00.000Z", "4h", 12, 14, 10, 13, 10),
        ]

    def test_a_missing_package_is_named_with_the_way_out(self) -> None:
        with pytest.raises(BarsNotInstalled, match=r"no_such_bars.*signal-orchestrator\[demo\]"):
            _package_folder("no_such_bars")


class TestSignals:
    def test_all_planned_bars_are_played_once_in_the_order_of_their_instrument(self) -> None:
        assert Counter(played.instrument for played in whole_play()) == PLAYED_BARS
        assert len(whole_play()) == 3600
        for instrument, count in PLAYED_BARS.items():
            numbers = [played.number for played in whole_play() if played.instrument == instrument]
            assert numbers == list(range(1, count + 1))

    def test_shares_of_one_day_are_played_together(self) -> None:
        days = [played.bar.time for played in whole_play() if played.bar.interval == "1d"]
        assert days == sorted(days)

    def test_a_close_above_its_mean_is_a_buy_and_below_it_a_sell(self) -> None:
        closes = [100.0 + n % 2 for n in range(20)]
        bars = [*map(bar, closes), bar(105.0), bar(95.0), bar(100.5)]
        played = play_order({**{name: [] for name in PLAYED_BARS}, "AAPL": bars})
        assert [p.side for p in played[-3:]] == ["buy", "sell", None]
        assert [p.strength for p in played[-3:-1]] == [1.0, 1.0]

    def test_a_market_that_stands_still_gives_informational_signals(self) -> None:
        played = play_order({**{name: [] for name in PLAYED_BARS}, "IBM": [bar(7.0)] * 30})
        assert {(p.side, p.strength) for p in played} == {(None, 0.0)}

    def test_a_signal_is_restamped_and_keeps_the_time_of_its_bar(self) -> None:
        signal = normalized_signal(whole_play()[0], "r1", NOW)
        assert signal["timestamp"] == signal["normalized_at"] == "2026-01-15T10:30:00.500Z"
        assert signal["bar"]["time"] < "2018"
        assert signal["price"] == signal["bar"]["close"] > 0

    def test_corr_ids_are_the_same_in_the_same_run_and_never_shared(self) -> None:
        ids = {corr_id("r1", played) for played in whole_play()}
        assert len(ids) == 3600
        assert ids == {corr_id("r1", played) for played in play_order(market_bars())}
        assert ids.isdisjoint({corr_id("r2", played) for played in whole_play()})
        assert all(
            set(i) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-") for i in ids
        )


class TestHonestVariety:
    def test_momentum_is_silent_often_and_not_always(self) -> None:
        silent = Counter(played.instrument for played, said in analyses() if said["momentum"] is None)
        for instrument, count in PLAYED_BARS.items():
            assert 0.2 < silent[instrument] / count < 0.9, instrument

    def test_every_risk_level_occurs(self) -> None:
        levels = Counter(said["risk"]["risk_level"] for _, said in analyses() if said["risk"])
        assert set(levels) == {"low", "medium", "high", "blocked"}
        assert min(levels.values()) > 30

    def test_bitcoin_with_high_risk_and_a_direction_occurs(self) -> None:
        found = [
            played
            for played, said in analyses()
            if played.instrument == "BTC/USD" and (risk := said["risk"]) and (momentum := said["momentum"])
            if risk["risk_level"] == "high" and agrees(played, momentum)
        ]
        assert len(found) > 20

    def test_the_forex_route_occurs(self) -> None:
        found = [
            played
            for played, said in analyses()
            if played.instrument == "EURUSD" and (momentum := said["momentum"])
            if momentum["momentum_strength"] > 0.7 and agrees(played, momentum)
        ]
        assert len(found) > 30

    def test_first_bars_leave_all_agents_silent(self) -> None:
        silent = Counter(played.instrument for played, said in analyses() if not any(said.values()))
        assert min(silent[instrument] for instrument in PLAYED_BARS) >= 20

    def test_every_analysis_is_within_the_contract(self) -> None:
        for _, said in analyses():
            shares = [
                *((m["confidence"], m["momentum_strength"]) if (m := said["momentum"]) else ()),
                *((r["overall_score"],) if (r := said["risk"]) else ()),
                *((c["portfolio_impact"],) if (c := said["correlation"]) else ()),
            ]
            assert all(0 <= share <= 1 for share in shares)


def agrees(played: PlayedBar, momentum: dict[str, Any]) -> bool:
    said: str = momentum["trend_direction"]
    return said == {"buy": "bullish", "sell": "bearish"}.get(played.side or "")


class TestMischief:
    def of(self, number: int) -> list[Misdeed]:
        played = next(p for p in whole_play() if p.instrument == "AAPL" and p.number == number)
        return list(misdeeds(played, normalized_signal(played, "r", NOW), NOW, timeout=4.0, partitions=8))

    def test_most_signals_are_left_alone(self) -> None:
        assert self.of(9) == []

    @pytest.mark.parametrize("number", [10, 50])
    def test_what_comes_late_comes_after_the_timeout(self, number: int) -> None:
        (misdeed,) = self.of(number)
        assert misdeed.after > 4.0

    def test_a_garbled_message_is_no_json(self) -> None:
        (misdeed,) = self.of(14)
        with pytest.raises(msgspec.DecodeError):
            msgspec.json.decode(misdeed.value)

    def test_a_wrong_key_is_not_the_corr_id(self) -> None:
        (misdeed,) = self.of(16)
        assert misdeed.key != msgspec.json.decode(misdeed.value)["corr_id"].encode()

    def test_a_wrong_partition_is_not_the_keys_own(self) -> None:
        (misdeed,) = self.of(18)
        assert misdeed.partition in range(8)
        assert misdeed.partition != partition_of(misdeed.key, 8)

    def test_the_wild_score_is_beyond_the_contract(self) -> None:
        (misdeed,) = self.of(12)
        assert msgspec.json.decode(misdeed.value)["analysis"]["overall_score"] > 1


class TestNumbers:
    def decision(self, corr_id: str, **fields: Any) -> dict[str, Any]:
        return {
            "corr_id": corr_id,
            "action": "trade",
            "route": "default",
            "reason": "high_confidence_momentum",
            "partial_data": False,
            "completed_by": "all_required",
            "contributing_agents": ["momentum", "risk"],
            "invalid_agents": {},
            **fields,
        }

    def test_latency_runs_from_the_last_analysis_that_counted(self) -> None:
        numbers = Numbers()
        numbers.take_decision(self.decision("a"), 1_030)
        # Partitions are read in any order: analyses may be read after their decision.
        for agent, timestamp in (("risk", 1_000), ("momentum", 1_010), ("sentiment", 1_029)):
            numbers.take_analysis(agent, "a", timestamp)
        assert numbers.latencies() == [20]

    def test_a_decision_at_the_deadline_has_no_latency(self) -> None:
        numbers = Numbers()
        numbers.take_analysis("risk", "a", 1_000)
        numbers.take_decision(self.decision("a", completed_by="deadline"), 5_000)
        assert numbers.latencies() == []
        assert numbers.by_deadline == 1

    def test_quantiles_are_values_that_occurred(self) -> None:
        numbers = Numbers()
        for n in range(1, 101):
            numbers.take_analysis("risk", str(n), 0)
            numbers.take_decision(self.decision(str(n)), n)
        assert (numbers.latency(0.5), numbers.latency(0.99)) == (50, 99)

    def test_nothing_played_misses_every_kind(self) -> None:
        missing = Numbers().missing()
        assert len(missing) == 1 + len(ACTIONS) + len(ROUTES) + 3
        assert "an order by route forex_momentum" in missing

    def test_a_signal_without_a_decision_is_missed(self) -> None:
        numbers = Numbers()
        numbers.take_signal("a", 0)
        assert "one decision per signal, none twice" in numbers.missing()

    def test_a_whole_play_misses_nothing(self) -> None:
        numbers = Numbers()
        actions = [*((action, "default") for action in ACTIONS), *(("trade", route) for route in ROUTES)]
        for n in range(LEAST_SIGNALS):
            action, route = actions[n % len(actions)]
            numbers.take_signal(str(n), n)
            numbers.take_decision(self.decision(str(n), action=action, route=route, partial_data=True), n)
        numbers.late["duplicate"] += 1
        numbers.dead_letters["signals.normalized", "wrong_key"] += 1
        assert numbers.missing() == []
        numbers.take_decision(self.decision("0"), 9)
        assert numbers.missing() == ["one decision per signal, none twice"]

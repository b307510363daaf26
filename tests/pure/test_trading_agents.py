"""What the reference trading agents say about a market, and when they say nothing."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from agents.trading.agent import TradingAgent
from agents.trading.answers import Answers
from agents.trading.correlation import Correlation
from agents.trading.momentum import Momentum
from agents.trading.positions import HOLDING_BARS, Positions
from agents.trading.risk import CAPITAL, Risk, risk_level

NOW = datetime(2026, 1, 15, 10, 30, 2, 120999, tzinfo=UTC)
RISING = [100 * 1.01**n + (1 if n % 2 else -1) for n in range(40)]
FALLING = [100 * 0.99**n + (1 if n % 2 else -1) for n in range(40)]
FLAT = [100.0 + (0.05 if n % 2 else -0.05) for n in range(40)]
ZIGZAG = [1.0 if n % 2 else -1.0 for n in range(40)]


def signal(
    close: float, number: int, instrument: str = "AAPL", side: str | None = "buy", **bar: Any
) -> dict[str, Any]:
    return {
        "corr_id": f"{instrument}-{number}",
        "instrument": instrument,
        "price": close,
        "side": side,
        "timestamp": "2026-01-15T10:30:00.000Z",
        "bar": {
            "time": f"2008-{1 + number // 28:02d}-{1 + number % 28:02d}T00:00:00.000Z",
            "interval": "1d",
            "open": close,
            "high": close * 1.01,
            "low": close * 0.99,
            "close": close,
            "volume": 1000.0,
            **bar,
        },
    }


def last_analysis(agent: TradingAgent, closes: Sequence[float], **fields: Any) -> dict[str, Any] | None:
    analysis = None
    for number, close in enumerate(closes):
        analysis = agent.analyse(signal(close, number, **fields))
    return analysis


def said(agent: TradingAgent, closes: Sequence[float], **fields: Any) -> dict[str, Any]:
    analysis = last_analysis(agent, closes, **fields)
    assert analysis is not None
    return analysis


def bought(instrument: str, size: float, decision_id: str = "d1", side: str = "buy") -> dict[str, Any]:
    return {
        "action": "trade",
        "decision_id": decision_id,
        "instrument": instrument,
        "side": side,
        "position_size": size,
    }


def moving(swing: float) -> list[float]:
    return [100 + swing * step for step in ZIGZAG]


class TestMomentum:
    @pytest.mark.parametrize(("closes", "trend"), [(RISING, "bullish"), (FALLING, "bearish")])
    def test_names_the_direction_of_a_trend(self, closes: list[float], trend: str) -> None:
        analysis = said(Momentum(), closes)
        assert analysis["trend_direction"] == trend
        assert analysis["confidence"] >= 0.6
        assert 0.6 < analysis["momentum_strength"] <= 1.0

    def test_is_silent_in_a_flat_market(self) -> None:
        assert last_analysis(Momentum(), FLAT) is None

    def test_is_silent_before_its_longest_look_back_is_full(self) -> None:
        agent = Momentum()
        answers = [agent.analyse(signal(close, n)) for n, close in enumerate(RISING[:21])]
        assert answers[:20] == [None] * 20
        assert answers[20] is not None

    def test_confidence_is_weighted_0_4_averages_0_3_rsi_0_3_volume(self) -> None:
        # Averages far apart: 1.0; RSI beyond 70 is overdone: 0.5; volume as usual: 0.5.
        analysis = said(Momentum(), [100 * 1.01**n for n in range(40)])
        assert analysis["technical_indicators"]["rsi"] == 100.0
        assert analysis["confidence"] == pytest.approx(0.4 + 0.3 * 0.5 + 0.3 * 0.5)

    def test_a_thin_market_takes_the_confidence_below_what_is_worth_saying(self) -> None:
        agent = Momentum()
        last_analysis(agent, [100 * 1.01**n for n in range(40)])
        assert agent.analyse(signal(100 * 1.01**40, 40, volume=100.0)) is None

    def test_does_not_look_past_the_bar_of_its_signal(self) -> None:
        agent, ignorant = Momentum(), Momentum()
        for n, close in enumerate(RISING):
            if n != 30:
                agent.analyse(signal(close, n))
        for n, close in enumerate(RISING[:30]):
            ignorant.analyse(signal(close, n))
        assert agent.analyse(signal(RISING[30], 30)) == ignorant.analyse(signal(RISING[30], 30))

    @pytest.mark.parametrize("bar", [None, "no", {"time": 3}, {"time": "t", "close": 1.0}, {"close": True}])
    def test_is_silent_about_a_signal_without_a_whole_bar(self, bar: object) -> None:
        assert Momentum().analyse({**signal(1.0, 0), "bar": bar}) is None


class TestRisk:
    @pytest.mark.parametrize(
        ("score", "level"),
        [
            (0.0, "low"),
            (0.2999, "low"),
            (0.3, "medium"),
            (0.6, "high"),
            (0.7999, "high"),
            (0.8, "blocked"),
            (1.0, "blocked"),
        ],
    )
    def test_levels_begin_at_their_thresholds(self, score: float, level: str) -> None:
        assert risk_level(score) == level

    def test_has_no_view_before_31_bars(self) -> None:
        agent = Risk()
        answers = [agent.analyse(signal(close, n)) for n, close in enumerate(RISING[:31])]
        assert answers[:30] == [None] * 30
        assert answers[30] is not None

    @pytest.mark.parametrize(
        ("swing", "level"), [(0.3, "low"), (1.3, "medium"), (2.1, "high"), (4.0, "blocked")]
    )
    def test_the_wilder_the_market_the_higher_the_level(self, swing: float, level: str) -> None:
        assert said(Risk(), moving(swing))["risk_level"] == level

    def test_a_position_is_sized_to_the_target_volatility(self) -> None:
        analysis = said(Risk(), moving(1.0))
        volatility = analysis["volatility_metrics"]["current_vol_estimate"]
        assert volatility > 0.10
        assert analysis["position_sizing"]["recommended_size"] == pytest.approx(
            0.05 * CAPITAL * 0.10 / volatility
        )
        assert analysis["position_sizing"]["max_position_size"] == 0.05 * CAPITAL

    @pytest.mark.parametrize(("swing", "multiplier"), [(0.0001, 2.0), (40.0, 0.1)])
    def test_the_multiplier_stays_within_its_bounds(self, swing: float, multiplier: float) -> None:
        assert said(Risk(), moving(swing))["volatility_metrics"]["volatility_multiplier"] == multiplier

    def test_a_calm_market_never_takes_a_position_past_its_limit(self) -> None:
        assert said(Risk(), moving(0.0001))["position_sizing"]["recommended_size"] == 0.05 * CAPITAL

    def test_open_positions_use_up_the_exposure(self) -> None:
        agent = Risk()
        for number, instrument in enumerate(("IBM", "MSFT", "GOOG")):
            agent.learn(bought(instrument, 5000.0, f"d{number}"))
        analysis = said(agent, moving(0.3))
        assert analysis["exposure_analysis"]["current_exposure_pct"] == 0.15
        assert analysis["overall_score"] == 0.75
        agent.learn(bought("SPY", 4000.0, "d4"))
        analysis = said(agent, moving(0.3))
        assert analysis["risk_level"] == "blocked"
        assert analysis["position_sizing"]["max_position_size"] == pytest.approx(1000.0)

    def test_more_of_a_full_position_is_blocked_and_less_of_it_is_not(self) -> None:
        agent = Risk()
        last_analysis(agent, moving(0.3))
        agent.learn(bought("AAPL", 5000.0))
        more, less = (agent.analyse(signal(100.0, 39, side=side)) for side in ("buy", "sell"))
        assert more is not None
        assert less is not None
        assert (more["risk_level"], more["position_sizing"]["recommended_size"]) == ("blocked", 0.0)
        assert (less["risk_level"], less["position_sizing"]["max_position_size"]) == ("low", 5000.0)

    @pytest.mark.parametrize(("side", "beyond"), [("buy", -1), ("sell", 1)])
    def test_the_stop_loss_lies_on_the_losing_side(self, side: str, beyond: int) -> None:
        analysis = said(Risk(), moving(0.3), side=side)
        assert (analysis["recommendations"]["suggested_stop_loss"] - 100) * beyond > 0

    def test_an_informational_signal_gets_no_stop_loss(self) -> None:
        assert "suggested_stop_loss" not in said(Risk(), moving(0.3), side=None)["recommendations"]

    def test_an_unknown_bar_length_cannot_be_annualised(self) -> None:
        assert last_analysis(Risk(), moving(0.3), interval="7m") is None


class TestCorrelation:
    def seen(self, agent: Correlation, instrument: str, closes: Sequence[float], **bar: Any) -> None:
        last_analysis(agent, closes, instrument=instrument, **bar)

    def test_the_first_position_adds_all_that_it_is(self) -> None:
        assert said(Correlation(), RISING)["portfolio_impact"] == 1.0

    @pytest.mark.parametrize(("side", "impact"), [("buy", 0.0), ("sell", 1.0)], ids=["repeats", "hedges"])
    def test_a_twin_of_what_is_held(self, side: str, impact: float) -> None:
        agent = Correlation()
        self.seen(agent, "IBM", RISING)
        agent.learn(bought("IBM", 1000.0))
        analysis = said(agent, [3 * close for close in RISING], side=side)
        assert analysis["correlations"] == {"IBM": pytest.approx(1.0)}
        assert analysis["portfolio_impact"] == pytest.approx(impact)

    def test_positions_count_by_their_size(self) -> None:
        agent = Correlation()
        self.seen(agent, "IBM", RISING)
        self.seen(agent, "MSFT", [1 / close for close in RISING])
        agent.learn(bought("IBM", 3000.0, "d1"))
        agent.learn(bought("MSFT", 1000.0, "d2"))
        assert said(agent, RISING)["portfolio_impact"] == pytest.approx(1 - (3000 - 1000) / 4000)

    def test_a_market_without_common_bars_is_named_and_not_measured(self) -> None:
        agent = Correlation()
        for number, close in enumerate(RISING):
            agent.analyse(
                signal(
                    close, number, "EURUSD", time=f"2017-01-01T{number // 60:02d}:{number % 60:02d}:00.000Z"
                )
            )
        agent.learn(bought("EURUSD", 1000.0))
        analysis = said(agent, RISING)
        assert analysis["not_measured"] == ["EURUSD"]
        assert analysis["portfolio_impact"] == 1.0

    def test_is_silent_before_31_bars(self) -> None:
        assert last_analysis(Correlation(), RISING[:30]) is None


class TestPositions:
    def test_an_opposite_order_closes(self) -> None:
        positions = Positions()
        positions.apply(bought("IBM", 1000.0, "d1"))
        positions.apply(bought("IBM", 1000.0, "d2", side="sell"))
        assert positions.exposure == 0.0
        assert dict(positions.sizes) == {}

    def test_a_repeated_decision_is_booked_once(self) -> None:
        positions = Positions()
        for _ in range(2):
            positions.apply(bought("IBM", 1000.0))
        assert positions.size("IBM") == 1000.0

    def test_a_decision_that_does_not_trade_opens_nothing(self) -> None:
        positions = Positions()
        positions.apply({**bought("IBM", 1000.0), "action": "monitor"})
        assert positions.exposure == 0.0

    def test_a_position_is_closed_after_its_holding_time(self) -> None:
        positions = Positions()
        positions.apply(bought("IBM", 1000.0))
        for _ in range(HOLDING_BARS):
            positions.pass_bar("IBM")
        assert positions.size("IBM") == 1000.0
        positions.pass_bar("IBM")
        assert positions.size("IBM") == 0.0


class TestAnswers:
    def answers(self) -> Answers:
        answers = Answers(Risk(), now=lambda: NOW)
        for number, close in enumerate(moving(0.3)[:-1]):
            answers.take("signals.normalized", msgspec.json.encode(signal(close, number)))
        return answers

    def test_an_analysis_goes_out_under_the_agents_name_and_the_signals_corr_id(self) -> None:
        answer = self.answers().take("signals.normalized", msgspec.json.encode(signal(100.0, 39)))
        assert answer is not None
        assert (answer.topic, answer.key) == ("signals.enriched.risk", b"AAPL-39")
        message = msgspec.json.decode(answer.value)
        assert message["corr_id"] == "AAPL-39"
        assert message["agent_name"] == "risk"
        assert message["enriched_at"] == "2026-01-15T10:30:02.120Z"
        assert message["source_signal"] == {
            "instrument": "AAPL",
            "price": 100.0,
            "side": "buy",
            "timestamp": "2026-01-15T10:30:00.000Z",
        }
        assert message["analysis"]["risk_level"] == "low"

    def test_a_repeated_signal_is_answered_once(self) -> None:
        answers, value = self.answers(), msgspec.json.encode(signal(100.0, 39))
        assert answers.take("signals.normalized", value) is not None
        assert answers.take("signals.normalized", value) is None

    @pytest.mark.parametrize(
        "value",
        [
            None,
            b"",
            b"{",
            b"\xff",
            b"[]",
            b"{}",
            b'{"corr_id":1}',
            b'{"corr_id":"a","instrument":"b","price":true}',
        ],
    )
    def test_what_is_no_signal_is_passed_over(self, value: bytes | None) -> None:
        assert self.answers().take("signals.normalized", value) is None

    def test_a_portfolio_message_that_lacks_its_fields_is_passed_over(self) -> None:
        answers = self.answers()
        assert answers.take("portfolio.decision", b'{"action":"trade"}') is None
        assert answers.take("signals.normalized", msgspec.json.encode(signal(100.0, 39))) is not None

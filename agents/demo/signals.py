"""Market bars turned into normalized signals, in the order in which the demo plays them.

The rule: a close above the mean of the last 20 closes is a buy, below it a sell; within a tenth of their standard
deviation it is neither, and the signal is informational (side null). ``strength`` is the distance in standard
deviations, of which two are full strength.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from statistics import fmean, pstdev
from typing import Any

from agents.trading.agent import utc_text
from agents.trading.history import Bar

AVERAGED_CLOSES = 20
INDIFFERENT_DEVIATIONS = 0.1
FULL_STRENGTH_DEVIATIONS = 2.0
PLAYED_BARS: Mapping[str, int] = {
    "EURUSD": 1245,
    "BTC/USD": 155,
    "AAPL": 550,
    "GOOG": 550,
    "IBM": 550,
    "MSFT": 550,
}
"""The first so many bars of each instrument: 3,600 in all. There are no more of BTC/USD."""


@dataclass(frozen=True, slots=True)
class PlayedBar:
    """A bar and what is signalled on it. ``number`` counts the instrument's bars from 1."""

    instrument: str
    number: int
    bar: Bar
    side: str | None
    strength: float


def play_order(bars: Mapping[str, Sequence[Bar]], count: int | None = None) -> list[PlayedBar]:
    """All instruments side by side, each spread evenly over the play and in its own order; ``count`` cuts the end off."""
    placed = []
    for instrument, wanted in PLAYED_BARS.items():
        played = list(_signalled(instrument, bars[instrument][:wanted]))
        placed += [((bar.number - 0.5) / len(played), bar) for bar in played]
    # The sort is stable: shares of the same day stay in the order of the table above.
    placed.sort(key=lambda item: item[0])
    return [bar for _, bar in placed[:count]]


def _signalled(instrument: str, bars: Sequence[Bar]) -> Iterator[PlayedBar]:
    for index, bar in enumerate(bars):
        closes = [earlier.close for earlier in bars[max(0, index + 1 - AVERAGED_CLOSES) : index + 1]]
        deviation = pstdev(closes)
        distance = (bar.close - fmean(closes)) / deviation if deviation else 0.0
        side = "buy" if distance > 0 else "sell"
        yield PlayedBar(
            instrument,
            index + 1,
            bar,
            None if abs(distance) < INDIFFERENT_DEVIATIONS else side,
            min(1.0, abs(distance) / FULL_STRENGTH_DEVIATIONS),
        )


def corr_id(run: str, played: PlayedBar) -> str:
    """The same bar of the same run always has the same id; another run's never meets the markers of this one."""
    return f"demo-{run}-{played.instrument.replace('/', '')}-{played.number:05d}"


def normalized_signal(played: PlayedBar, run: str, now: datetime) -> dict[str, Any]:
    """Restamped: as if the bar had closed just ``now`` (UTC). The bar's own time stands in ``bar.time``."""
    return {
        "corr_id": corr_id(run, played),
        "source": "test",
        "instrument": played.instrument,
        "price": played.bar.close,
        "side": played.side,
        "strength": played.strength,
        "timestamp": utc_text(now),
        "normalized_at": utc_text(now),
        "bar": asdict(played.bar),
    }

"""The demo as it is seen: its steps, how far it is, the table, and where to look."""

import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from agents.demo.bars import market_bars
from agents.demo.progress import progress
from agents.demo.report import report
from agents.demo.run import Demo
from agents.demo.signals import play_order


def show(console: Console, rate: float, signals: int | None, keep: bool) -> list[str]:
    """Returns the kinds of outcome that a whole play must show and this one did not."""
    bars = play_order(market_bars(), signals)
    run = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    folder = Path(tempfile.mkdtemp(prefix=f"orchestrator-demo-{run}-"))
    with Demo(run, folder, console.print) as demo:
        console.print(
            f"Playing {len(bars):,} signals at {rate:g} a second; meanwhile the pages are at {demo.page}"
        )
        with progress(console, len(bars)) as advance:
            outcome = demo.play(bars, rate, advance)
        console.print(report(outcome.numbers, outcome.played.misdeeds))
        console.print(
            f"Decisions, orders, late signals, dead letters and logs, a file each:\n{folder}", soft_wrap=True
        )
        if keep:
            console.print(f"All stays up, with the pages at {demo.page}, until Ctrl-C.")
            while True:
                time.sleep(1)
        console.print("With --keep all stays up after the table, and the pages show each correlation.")
    return outcome.missing

"""How far a long run is: a bar on a terminal, a plain line every few seconds elsewhere. On standard error."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

LINE_SECONDS = 5.0

Show = Callable[[float, int], None]
"""Called with how much is done, 0 to 1, and how many records those are."""


@contextmanager
def progress(what: str) -> Iterator[Show]:
    console = Console(stderr=True)
    if console.is_terminal:
        columns = (
            TextColumn(what),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[records]:,} records"),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=console, transient=True) as bar:
            task = bar.add_task("", total=1.0, records=0)
            yield lambda done, records: bar.update(task, completed=done, records=records)
        return
    last = time.monotonic()

    def line(done: float, records: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= LINE_SECONDS:
            last = now
            console.print(f"{what}: {records:,} records, {done:.0%}", highlight=False)

    yield line

"""The table at the end of the demo."""

from collections import Counter
from collections.abc import Mapping

from rich.console import Group, RenderableType
from rich.table import Table

from agents.demo.numbers import Numbers


def report(numbers: Numbers, misdeeds: Mapping[str, int]) -> RenderableType:
    """What came out, why, and what the misbehaving senders did."""
    return Group(_totals(numbers), _decisions(numbers), _strays(numbers, misdeeds))


def _totals(numbers: Numbers) -> Table:
    table = _table("Signals and decisions", "what", "number")
    seconds = numbers.seconds
    by_action = Counter[str]()
    for (action, _, _), count in numbers.decisions.items():
        by_action[action] += count
    rows: dict[str, str] = {
        "signals": f"{len(numbers.signals):,}",
        "decisions": f"{len(numbers.decided):,}",
        "  on partial data": f"{numbers.partial:,}",
        "  at the deadline": f"{numbers.by_deadline:,}",
        "  insufficient data": f"{by_action['insufficient_data']:,}",
        "orders": f"{numbers.orders.total():,}",
        "late": f"{numbers.late.total():,}",
        "dead letters": f"{numbers.dead_letters.total():,}",
    }
    if seconds:
        rows["throughput, as played"] = (
            f"{numbers.records_in / seconds:.0f} messages/s in, {len(numbers.decided) / seconds:.0f} decisions/s"
        )
    p50, p99 = numbers.latency(0.5), numbers.latency(0.99)
    if p50 is not None:
        rows["decision latency p50, p99"] = f"{p50} ms, {p99} ms"
    for name, value in rows.items():
        table.add_row(name, value)
    table.caption = (
        "Latency: from the Kafka timestamp of the last analysis that a decision waited for to that of the decision "
        "(decisions at a deadline waited for none). Throughput is the rate of the play, not a limit."
    )
    return table


def _decisions(numbers: Numbers) -> Table:
    table = _table("Decisions by action and route", "action", "route", "reason", "number")
    for (action, route, reason), count in sorted(numbers.decisions.items()):
        table.add_row(action, route, reason, f"{count:,}")
    return table


def _strays(numbers: Numbers, misdeeds: Mapping[str, int]) -> Table:
    table = _table("Late signals, dead letters, and who misbehaved on purpose", "what", "which", "number")
    for reason, count in sorted(numbers.late.items()):
        table.add_row("late", reason, f"{count:,}")
    for (topic, reason), count in sorted(numbers.dead_letters.items()):
        table.add_row("dead letter", f"{topic}: {reason}", f"{count:,}")
    for sender, count in sorted(misdeeds.items()):
        table.add_row("sent by", sender, f"{count:,}")
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", caption_justify="left", expand=False)
    for column in columns:
        table.add_column(column, justify="right" if column == "number" else "left")
    return table

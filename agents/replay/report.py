"""What a replay has to say at its end: lines for people, or one JSON object."""

from collections.abc import Mapping

import msgspec

from agents.replay.processes import Result
from orchestration.timestamps import format_timestamp


def summary(result: Result, bad_lines: int, *, as_json: bool) -> str:
    """Without a line break at its end."""
    counts = result.counts
    first = None if counts.first is None or counts.first < 0 else format_timestamp(counts.first)
    last = None if counts.last is None or counts.last < 0 else format_timestamp(counts.last)
    if as_json:
        content = {
            "complete": result.complete,
            "from": first,
            "to": last,
            **counts.as_json(),
            "repeated_records": result.repeated,
            "bad_lines": bad_lines,
        }
        return msgspec.json.encode(content).decode()
    lines = [
        f"records       {counts.records:,}" + ("" if first is None else f", {first} to {last}"),
        f"decisions     {counts.decisions:,}{_listed(counts.actions)}",
        f"digest        {counts.digest.text}",
        f"timed out     {counts.timed_out:,}",
        f"open          {counts.open_at_end:,}",
        f"late          {counts.late.total():,}{_listed(counts.late)}",
        f"dead letters  {counts.dead_letters.total():,}{_listed(counts.dead_letters)}",
    ]
    if result.repeated:
        lines.append(f"repeated      {result.repeated:,} records that stand in two recordings")
    if counts.other_topics:
        lines.append(f"not inputs    {counts.other_topics:,} records of other topics")
    if bad_lines:
        lines.append(f"bad lines     {bad_lines:,}")
    return "\n".join(lines)


def _listed(counts: Mapping[str, int]) -> str:
    parts = [f"{name} {count:,}" for name, count in sorted(counts.items()) if count]
    return f" ({', '.join(parts)})" if parts else ""

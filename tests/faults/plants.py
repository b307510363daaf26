"""The planted bugs: in which circumstances each shows, and which invariants must say so."""

from typing import NamedTuple

from tests.faults.trouble import Circumstances


class Plant(NamedTuple):
    """``module`` of ``tests.faults.planted``; its first line says what is wrong. ``red``: each of these must be red."""

    module: str
    red: tuple[str, ...]
    circumstances: Circumstances = Circumstances()


QUIET = Circumstances()
KILLED = Circumstances(kills=1)
DIES = Circumstances(dies=True)
DISK_LOST = Circumstances(kills=1, disk_lost=True)
AWAY = Circumstances(kills=1, away_seconds=4.0)
CLOCK = Circumstances(clock_seconds=3600)
AT_LEAST_ONCE_DIES = Circumstances(dies=True, guarantee="at_least_once")
ZOMBIE = Circumstances(pause_seconds=1.0)

PLANTS = (
    Plant("drop_the_marker", ("one outcome", "markers"), QUIET),
    Plant("sum_in_arrival_order", ("reference model",), QUIET),
    Plant("count_an_agent_twice", ("agents once", "reference model"), QUIET),
    Plant("lose_late_signals", ("accounted for",), QUIET),
    Plant("change_a_payload", ("payload hashes",), QUIET),
    Plant("forget_a_sink", ("sinks agree", "reference model"), QUIET),
    Plant("drop_the_poison", ("accounted for", "dead letters"), QUIET),
    Plant("leave_out_the_offsets", ("lag",), QUIET),
    Plant("trust_the_workers_clock", ("not early",), CLOCK),
    Plant("deadlines_before_the_backlog", ("outcome time", "read before the deadline"), AWAY),
    Plant("forget_deadlines_on_recovery", ("one outcome", "no open row"), KILLED),
    Plant("restore_half_the_changelog", ("one outcome", "accounted for"), DISK_LOST),
    Plant("commit_early", ("accounted for",), DIES),
    Plant("skip_the_flush", ("one outcome", "accounted for"), DIES),
    Plant("outputs_outside_the_transaction", ("one outcome", "accounted for"), DIES),
    Plant("store_before_the_commit", ("one outcome", "accounted for"), DIES),
    Plant("state_before_the_outputs", ("one outcome", "accounted for"), AT_LEAST_ONCE_DIES),
    Plant("ignore_the_fence", ("one outcome", "accounted for"), ZOMBIE),
)

UNPLANTED = (
    Circumstances(kills=1, away_seconds=4.0, disk_lost=True, clock_seconds=3600),
    Circumstances(kills=2, guarantee="at_least_once"),
    ZOMBIE,
)
"""Under these the worker as it is must leave every invariant green."""

"""Python's cycle collector, set for a process that makes many objects and few cycles."""

import gc

YOUNG_OBJECTS = 50_000
MIDDLE_ROUNDS = 20
OLD_ROUNDS = 50


def settle() -> None:
    """Called once everything is imported and built.

    With the defaults the collector looks through all open correlations again every few thousand signals, and finds nothing:
    rows and messages hold no cycles. ``benchmarks/`` shows what it costs.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, MIDDLE_ROUNDS, OLD_ROUNDS)

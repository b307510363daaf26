"""Found by Python at start where this folder is on PYTHONPATH: the process's wall clock is off by SHIFT_CLOCK_SEC.

Timers, which run on the monotonic clock, stay as they are. libfaketime would shift C code as well, but librdkafka stands
still under it: it sees the shifted time where it computes until when to wait, and waits by the real one.
"""

import os
import time

_SECONDS = float(os.environ.get("SHIFT_CLOCK_SEC", "0"))
_time, _time_ns = time.time, time.time_ns


def _shifted_time() -> float:
    return _time() + _SECONDS


def _shifted_time_ns() -> int:
    return _time_ns() + round(_SECONDS * 1_000_000_000)


time.time, time.time_ns = _shifted_time, _shifted_time_ns

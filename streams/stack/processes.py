"""A process named so that it is never mistaken for another one that got its number later."""

import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_BOOT = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """``started`` counts clock ticks since the boot called ``boot``."""

    pid: int
    started: int
    boot: str

    @classmethod
    def of(cls, pid: int) -> Self | None:
        """None where no such process runs (one that ended and waits for its parent does not run)."""
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
            boot = _BOOT.read_text().strip()
        except OSError:
            return None
        # The name in parentheses may itself hold spaces and parentheses.
        fields = stat.rpartition(")")[2].split()
        state, started = fields[0], int(fields[19])
        return None if state in "ZX" else cls(pid, started, boot)

    def is_running(self) -> bool:
        return ProcessIdentity.of(self.pid) == self

    def send(self, number: signal.Signals) -> bool:
        """False where the process ended before; a later process of that number is never signalled."""
        try:
            handle = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return False
        try:
            # Compared after the handle is open: from here on the handle means this process alone.
            if not self.is_running():
                return False
            signal.pidfd_send_signal(handle, number)
        except ProcessLookupError:
            return False
        finally:
            os.close(handle)
        return True

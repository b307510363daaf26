"""The data folder belongs to one worker at a time."""

import fcntl
from io import TextIOWrapper
from pathlib import Path

from config.errors import ConfigurationError, Problem


def claim(folder: Path) -> TextIOWrapper:
    """Make the folder and lock it for as long as the returned file is open. Raises ConfigurationError.

    Two workers with one folder would also have one worker id: the group would fence them in turn, for ever.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("a")
    except OSError as error:
        raise _refused(folder, f"a folder that can be written ({error.strerror})") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise _refused(
            folder, "a folder of this worker's own: another worker on this machine uses it"
        ) from None
    return lock


def _refused(folder: Path, expected: str) -> ConfigurationError:
    return ConfigurationError([Problem("ORCHESTRATOR_DATA_DIR", expected, str(folder))])

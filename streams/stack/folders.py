"""Where the local stack keeps what outlives a run: downloads in the user's cache, the running stack in its state."""

import os
import tempfile
from pathlib import Path

_PROJECT = "signal-orchestrator"


def user_cache_folder() -> Path:
    """Downloads and Java caches; may be deleted at any time."""
    return _user_folder("XDG_CACHE_HOME", ".cache")


def user_state_folder() -> Path:
    """Where ``stack up`` writes down what runs, for ``stack status`` and ``stack down``."""
    return _user_folder("XDG_STATE_HOME", ".local/state") / "stack"


def _user_folder(variable: str, below_home: str) -> Path:
    given = os.environ.get(variable, "")
    # The XDG specification: a relative path is to be ignored.
    if Path(given).is_absolute():
        return Path(given) / _PROJECT
    try:
        home = Path.home()
    except RuntimeError:
        home = Path()
    # Service accounts have no home, or one that is not theirs.
    if home.is_absolute() and os.access(home, os.W_OK):
        return home / below_home / _PROJECT
    return Path(tempfile.gettempdir()) / f"{_PROJECT}-{os.getuid()}" / below_home

"""The worker's name, made once: transactional ids and static group membership hang on it through every restart."""

import contextlib
import os
import re
import tempfile
import uuid
from pathlib import Path

from config.errors import ConfigurationError, Problem

_FILE_NAME = "worker_id"
_VALID = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def stable_worker_id(data_dir: Path) -> str:
    """The id kept in ``data_dir``, made now if there is none yet. The folder is created where it is missing.

    Raises ConfigurationError where the folder cannot be used or the file holds something else.
    """
    path = data_dir / _FILE_NAME
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            _write_once(path, str(uuid.uuid4()))
        worker_id = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not text"
        raise ConfigurationError(
            [
                Problem(
                    "ORCHESTRATOR_DATA_DIR",
                    f"a folder in which {_FILE_NAME} can be kept ({reason})",
                    str(data_dir),
                )
            ]
        ) from None
    if not _VALID.fullmatch(worker_id):
        raise ConfigurationError(
            [
                Problem(
                    "ORCHESTRATOR_DATA_DIR",
                    f"a folder whose {_FILE_NAME} holds 1 to 64 of A-Z a-z 0-9 _ . -",
                    str(path),
                )
            ]
        )
    return worker_id


def _write_once(path: Path, worker_id: str) -> None:
    """Whole or not at all, and never over one that is there.

    Accident prevented: killed between create and write, a worker would find an empty file for ever after; two started
    at once would each believe in an id of its own.
    """
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{_FILE_NAME}-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(worker_id + "\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(temporary, path)
    finally:
        Path(temporary).unlink()

"""Kafka's jars in the user's cache: fetched once, each checked against the hash in the lock."""

import fcntl
import hashlib
import logging
import shutil
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from streams.stack.errors import StackError, missing_package
from streams.stack.folders import user_cache_folder
from streams.stack.locked_jars import JARS, KAFKA_VERSION

_TRIES = 5
_PARALLEL = 4
_TIMEOUT_SECONDS = 30

_log = logging.getLogger(__name__)


def kafka_folder() -> Path:
    """Everything that depends on exactly this set of jars lives below it."""
    digest = hashlib.sha256(repr(JARS).encode()).hexdigest()[:12]
    return user_cache_folder() / f"kafka-{KAFKA_VERSION}-{digest}"


def jars_are_here() -> bool:
    # Names only: the folder was put in place whole, after all hashes were right. Cleaners of caches take single files.
    return all((kafka_folder() / "jars" / _file_name(coordinate)).is_file() for coordinate, _ in JARS)


def kafka_jars() -> list[Path]:
    """The class path, in an order that is the same each time (a recorded cache depends on it).

    The first call fetches 44 MB. Raises StackError where that fails; calling again goes on from nothing.
    """
    if not jars_are_here():
        with installing():
            # Another process may have fetched them while this one waited.
            if not jars_are_here():
                _install(kafka_folder() / "jars")
    return [
        kafka_folder() / "jars" / name for name in sorted(_file_name(coordinate) for coordinate, _ in JARS)
    ]


@contextmanager
def installing() -> Iterator[None]:
    """One process at a time writes into the cache; parallel test workers wait for the first instead of all fetching."""
    kafka_folder().mkdir(parents=True, exist_ok=True)
    with (kafka_folder() / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _install(target: Path) -> None:
    _log.info("fetching Kafka %s, 44 MB, once", KAFKA_VERSION)
    # A folder of its own, renamed when whole: an interrupted download never looks like a finished one.
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="fetching-") as scratch:
        with ThreadPoolExecutor(_PARALLEL) as pool:
            jars = list(pool.map(lambda jar: _fetch(jar[0], jar[1], Path(scratch)), JARS))
        whole = Path(scratch) / "jars"
        whole.mkdir()
        for jar in jars:
            jar.rename(whole / jar.name)
        shutil.rmtree(target, ignore_errors=True)
        whole.rename(target)


def _fetch(coordinate: str, sha256: str, repository: Path) -> Path:
    try:
        from jgo.config import GlobalSettings
        from jgo.constants import MAVEN_CENTRAL_URL
        from jgo.maven import MavenContext, PythonResolver
    except ImportError:
        raise missing_package("jgo") from None
    context = MavenContext(
        # Never `mvn`: many machines have none, and it would read settings that this does not know.
        resolver=PythonResolver(),
        repo_cache=repository,
        # A mirror named "central" in jgo's own settings file takes the place of the default.
        remote_repos={"central": MAVEN_CENTRAL_URL, **GlobalSettings.load().repositories},
        timeout=_TIMEOUT_SECONDS,
    )
    problem = ""
    for attempt in range(_TRIES):
        artifact = context.create_dependency(coordinate).artifact
        try:
            path: Path = artifact.resolve()
        except (OSError, RuntimeError, AssertionError) as error:
            problem = f"{type(error).__name__}: {error}"
        else:
            # jgo only warns of a wrong checksum.
            if hashlib.sha256(path.read_bytes()).hexdigest() == sha256:
                return path
            problem = "its SHA-256 is not the one in streams/stack/locked_jars.py"
        # jgo takes a half-written file for a finished one.
        shutil.rmtree(repository / artifact.component.path_prefix, ignore_errors=True)
        time.sleep(0.5 * 2**attempt)
    raise StackError(
        f"cannot fetch {coordinate} after {_TRIES} tries ({problem}). Look at the network and its proxy settings, "
        "or set KAFKA_BOOTSTRAP_SERVERS to a Kafka that runs already"
    )


def _file_name(coordinate: str) -> str:
    _, name, version = coordinate.split(":")
    return f"{name}-{version}.jar"

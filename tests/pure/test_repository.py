"""Promises of the repository as a whole."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
LOCKS = sorted((PROJECT / "requirements").glob("*.txt"))

# Where packages come from is the business of each machine's package clients.
REGISTRY = re.compile(
    r"pypi\.org|python[h]osted|repo1?\.maven|registry\.npm[j]s|(deb|security)\.debian|proxy\.golang|[c]rates\.io"
)
# A path that holds on one machine only.
SOMEONES_FOLDER = re.compile(r"(?<![\w.$}/])/(root|Users|work)/\w")


def _files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [path for name in listed.stdout.split("\0") if name and (path := PROJECT / name).is_file()]


@pytest.mark.parametrize("pattern", [REGISTRY, SOMEONES_FOLDER], ids=["registry", "folder"])
def test_no_file_names_a_registry_or_a_machine(pattern: re.Pattern[str]) -> None:
    found = [
        f"{path.relative_to(PROJECT)}:{number}: {line.strip()[:120]}"
        for path in _files()
        for number, line in enumerate(path.read_text("utf-8", errors="replace").splitlines(), 1)
        if pattern.search(line)
    ]
    assert found == []


def test_the_locks_are_the_expected_ones() -> None:
    assert [lock.stem for lock in LOCKS] == ["demo", "dev", "runtime", "uv"]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_a_lock_pins_every_package_by_hash_and_holds_no_address(lock: Path) -> None:
    text = lock.read_text("utf-8")
    assert "://" not in text
    assert not re.search(r"^-", text, re.MULTILINE), "an option of the package client stands in the lock"
    pins = re.split(r"\n(?=\S)", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).strip())
    unpinned = [pin.splitlines()[0] for pin in pins if "==" not in pin or "--hash=sha256:" not in pin]
    assert unpinned == []


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_a_smaller_lock_is_a_part_of_the_large_one(lock: Path) -> None:
    def pins(path: Path) -> set[str]:
        return set(re.findall(r"^\S+==\S+", path.read_text("utf-8"), re.MULTILINE))

    if lock.stem != "uv":
        assert pins(lock) <= pins(PROJECT / "requirements" / "dev.txt")


@pytest.mark.parametrize(
    ("ci", "expected"),
    [
        ("true", {"passed": 1, "failed": 1, "errors": 2}),
        ("", {"passed": 1, "skipped": 3}),
    ],
    ids=["in CI", "elsewhere"],
)
def test_a_skip_fails_in_ci_alone(ci: str, expected: dict[str, int], tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text((PROJECT / "tests" / "conftest.py").read_text("utf-8"))
    (tmp_path / "test_import.py").write_text("import pytest\npytest.importorskip('no_such_library')\n")
    (tmp_path / "test_skips.py").write_text(
        "import pytest\n"
        "def test_runs(): pass\n"
        "def test_call(): pytest.skip('no broker')\n"
        "@pytest.mark.skipif(True, reason='no broker')\n"
        "def test_mark(): pass\n"
    )
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--continue-on-collection-errors", "."],
        cwd=tmp_path,
        env={**os.environ, "CI": ci},
        capture_output=True,
        text=True,
        check=False,
    )
    summary = run.stdout.strip().splitlines()[-1]
    assert {word: int(count) for count, word in re.findall(r"(\d+) ([a-z]+)", summary)} == expected
    assert (run.returncode != 0) == bool(ci)

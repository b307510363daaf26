"""The package names are general; another distribution may bring an `agents` or a `tables` too."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
ROOMS = ("orchestration", "config", "streams", "tables", "agents")


@pytest.mark.parametrize("room", ROOMS)
def test_tests_import_our_package(room: str) -> None:
    assert import_module(room).__file__ == str(PROJECT / room / "__init__.py")


def test_installed_commands_import_our_packages(tmp_path: Path) -> None:
    """The `orchestrator` script starts anywhere, so without the project's folder on the path."""
    code = f"import {', '.join(ROOMS)}; print(*(room.__file__ for room in ({', '.join(ROOMS)})), sep='\\n')"
    found = subprocess.run(
        [sys.executable, "-P", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert found.stdout.splitlines() == [str(PROJECT / room / "__init__.py") for room in ROOMS]

"""The faults' own parts, as far as they need no broker."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.faults.fuzz import fuzzed
from tests.faults.kill_points import KILL_POINTS, arm
from tests.faults.schedule import FULL, SINGLE, schedule
from tests.faults.states import flip_a_byte, truncate

DYING = """
import sys
from pathlib import Path
from tests.faults.kill_points import Countdown
countdown = Countdown("after_fold", 3, Path(sys.argv[1]))
for unfinished in (10, 20, 30, 40):
    countdown(unfinished)
    print(unfinished, flush=True)
"""


def test_a_countdown_kills_its_process_at_the_pass_that_it_was_given_and_says_so(tmp_path: Path) -> None:
    landed = tmp_path / "landed.json"
    done = subprocess.run(
        [sys.executable, "-c", DYING, str(landed)], stdout=subprocess.PIPE, text=True, check=False
    )
    assert done.returncode == -9
    assert done.stdout.split() == ["10", "20"]
    told = json.loads(landed.read_text())
    assert (told["point"], told["unfinished"]) == ("after_fold", 30)


def test_a_point_that_is_none_is_refused() -> None:
    with pytest.raises(KeyError):
        arm("after_lunch", lambda unfinished: None)


def test_the_full_schedule_holds_every_fault_as_often_as_it_is_promised() -> None:
    made = Counter(fault.name for fault in schedule(FULL, seed=1))
    assert made["kill -9 at random"] == 20
    assert [made[f"kill -9 {point.replace('_', ' ')}"] for point in KILL_POINTS] == [2] * 6
    assert sum(made.values()) == 20 + 12 + len(SINGLE) - 7 + 2


def test_a_seed_gives_one_order_and_another_seed_another_one() -> None:
    names = [[fault.name for fault in schedule(FULL, seed)] for seed in (1, 1, 2)]
    assert names[0] == names[1] != names[2]


def test_fuzzed_payloads_follow_from_the_seed_and_are_of_many_kinds() -> None:
    first = list(fuzzed(7, 300, 1))
    assert first == list(fuzzed(7, 300, 1))
    assert [planned.id for planned in first] == list(range(1, 301))
    values = [planned.value or b"" for planned in first]
    assert any(b"[" * 5000 in value for value in values)
    assert any(b"9" * 400 in value for value in values)
    assert any(b"\xff" in value for value in values)
    assert 0 < sum(_is_json(value) for value in values) < len(values)


def _is_json(value: bytes) -> bool:
    try:
        json.loads(value)
    except (ValueError, RecursionError):
        return False
    return True


def test_files_are_spoiled_where_it_is_said(tmp_path: Path) -> None:
    path = tmp_path / "table.sst"
    path.write_bytes(bytes(100))
    flip_a_byte(path, 20)
    assert path.read_bytes() == bytes(20) + b"\xff" + bytes(79)
    truncate(path)
    assert path.stat().st_size == 50

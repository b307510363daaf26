from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from tables.windows import WINDOW_MS, Windows


def windows(**due: int) -> Windows:
    made = Windows()
    for corr_id, time in due.items():
        made.add(corr_id, time)
    return made


def test_what_is_due_within_the_same_second_shares_a_window() -> None:
    made = windows(a=1999, b=1000, c=2000)
    assert not made.has_passed(999)
    assert list(made.passed(999)) == []
    assert made.has_passed(1000)
    assert list(made.passed(1000)) == ["a", "b"]
    assert list(made.passed(2000)) == ["a", "b", "c"]


def test_earlier_windows_come_first_and_within_one_the_names_in_order() -> None:
    made = windows(z=1000, y=1500, x=9000, a=9001, m=5000)
    assert list(made.passed(10_000)) == ["y", "z", "m", "a", "x"]


def test_what_was_not_due_yet_is_found_again_by_the_next_sweep() -> None:
    made = windows(a=1500)
    assert list(made.passed(1400)) == ["a"]
    assert list(made.passed(1600)) == ["a"]


def test_a_correlation_whose_time_moves_is_in_one_window() -> None:
    made = windows(a=1000)
    made.add("a", 5000)
    assert len(made) == 1
    assert not made.has_passed(4999)
    made.add("a", 2000)
    assert list(made.passed(9000)) == ["a"]
    made.add("a", 2999)
    assert list(made.passed(2000)) == ["a"]


def test_a_correlation_that_is_forgotten_is_due_no_more() -> None:
    made = windows(a=1000, b=1000)
    made.discard("a")
    made.discard("a")
    made.discard("never seen")
    assert "a" not in made
    assert "b" in made
    assert list(made.passed(5000)) == ["b"]
    made.discard("b")
    assert not made.has_passed(5000)
    assert len(made) == 0


class CountedSet(set[str]):
    """A window that says when it is opened."""

    opened = 0

    def __iter__(self) -> Iterator[str]:
        CountedSet.opened += 1
        return super().__iter__()


def opened_by_sweep(made: Windows, time: int) -> tuple[int, int]:
    """How many windows a sweep at ``time`` looks into, and how many rows it names."""
    for start, window in made._windows.items():
        made._windows[start] = CountedSet(window)
    CountedSet.opened = 0
    named = list(made.passed(time)) if made.has_passed(time) else []
    return CountedSet.opened, len(named)


def test_a_sweep_looks_into_windows_that_have_passed_and_none_else() -> None:
    """A thousand open correlations that are not due cost nothing; ten times as many cost nothing too."""
    for open_correlations in (1_000, 10_000):
        made = Windows()
        for number in range(open_correlations):
            made.add(f"later{number}", 100_000 + number * 10)
        assert opened_by_sweep(made, 99_999) == (0, 0)
        for number in range(5):
            made.add(f"due{number}", 50_000 + number * WINDOW_MS)
        assert opened_by_sweep(made, 99_999) == (5, 5)


def test_windows_that_are_empty_are_forgotten() -> None:
    """A correlation that was decided in time leaves nothing behind for the sweeps of the next hours."""
    made = Windows()
    for number in range(1_000):
        made.add(f"a{number}", number * WINDOW_MS)
        made.discard(f"a{number}")
    assert not made.has_passed(1_000 * WINDOW_MS)
    assert made._windows == {}
    assert made._starts == []


@given(
    st.lists(st.tuples(st.sampled_from("abcdef"), st.none() | st.integers(0, 6_000)), max_size=30),
    st.integers(0, 7_000),
)
def test_windows_name_what_a_plain_table_would(changes: list[tuple[str, int | None]], time: int) -> None:
    made, plain = Windows(), dict[str, int]()
    for corr_id, due in changes:
        if due is None:
            made.discard(corr_id)
            plain.pop(corr_id, None)
        else:
            made.add(corr_id, due)
            plain[corr_id] = due
        asked = made.has_passed(time)
        expected = sorted(
            (due // WINDOW_MS, name) for name, due in plain.items() if due // WINDOW_MS <= time // WINDOW_MS
        )
        assert asked is bool(expected)
        assert list(made.passed(time)) == [name for _, name in expected]
        assert len(made) == len(plain)

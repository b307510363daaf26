"""NATS, mirrors die while signals flow: nothing is lost, nothing is doubled. In full size: `python -m tests.faults.mirror_faults`."""

from tests.faults.mirror_faults import QUICK, run_faults


async def test_kills_of_nats_and_of_mirrors_lose_nothing_and_double_nothing(quick_starts: None) -> None:
    verdict, done = await run_faults(QUICK, 0.1, lambda _: None)
    assert verdict.lost == {}
    assert verdict.doubled == {}
    assert sorted(done) == sorted(QUICK.actions())

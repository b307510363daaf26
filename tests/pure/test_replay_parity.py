"""Parity: whatever order live read in, its decisions come out again byte for byte; what was changed is named."""

import json

import msgspec
from hypothesis import given

from agents.replay.differences import Difference
from agents.replay.live import fill
from agents.replay.parity import Compared, PartitionParity
from agents.replay.rows import Rows
from agents.replay.runner import Rules
from agents.replay.spool import Spool
from orchestration.processor import Effects
from orchestration.record import LogRecord
from tests.pure.correlation_strategies import PARTITION, PARTITIONS, Scenario, scenarios
from tests.pure.replaying import in_order
from tests.pure.running import context, finished, in_partition, intake, run

TOPIC = "orchestrated.decision"
LIVE_TOPICS = (TOPIC, "audit.orchestration.decision")


def written(effects: Effects) -> list[LogRecord]:
    """What live wrote of its decisions."""
    messages = [message for message in effects.messages if message.topic in LIVE_TOPICS]
    return [
        LogRecord(message.topic, PARTITION, offset, 0, message.key, message.value)
        for offset, message in enumerate(messages)
    ]


def compared(
    scenario: Scenario, live: list[LogRecord], committed: dict[str, int] | None = None
) -> tuple[Compared, list[Difference]]:
    chosen = scenario.workflow_set
    found: list[Difference] = []
    result = Compared()
    rows = Rows(memory_bytes=20_000)
    with Spool() as spool:
        found += fill(spool, live, TOPIC, PARTITIONS)
        result.repeated = spool.complete()
        found += [
            Difference(corr_id, "a decision without an audit record") for corr_id in spool.without_audit()
        ]
        parity = PartitionParity(
            Rules(context(chosen), PARTITIONS),
            intake(chosen.name),
            rows,
            PARTITION,
            spool.cuts(PARTITION),
            {},
            None,
            result,
            found.append,
        )
        topics = intake(chosen.name).topics
        for one in in_order([record for record in in_partition(scenario) if record.topic in topics]):
            parity.add(one.record)
        parity.finish({}, committed or {})
    rows.close()
    return result, found


@given(scenarios())
def test_every_decision_comes_out_again_whatever_order_live_read_in(scenario: Scenario) -> None:
    effects = run(scenario.workflow_set, finished(scenario))
    result, differences = compared(scenario, written(effects))
    assert differences == []
    assert (result.equal, result.different) == (len(effects.outcomes), 0)
    assert result.live.text == result.replay.text


@given(scenarios())
def test_a_repeat_after_a_crash_is_no_difference(scenario: Scenario) -> None:
    effects = run(scenario.workflow_set, finished(scenario))
    result, differences = compared(scenario, written(effects) * 2)
    assert differences == []
    assert (result.equal, result.repeated) == (len(effects.outcomes), len(effects.outcomes))


@given(scenarios())
def test_a_decision_that_was_changed_is_named_with_its_field(scenario: Scenario) -> None:
    live = written(run(scenario.workflow_set, finished(scenario)))
    for number, record in enumerate(live):
        if record.topic == TOPIC:
            decision = json.loads(record.value or b"")
            changed = decision | {"action": "panic", "orchestrator_version": "9"}
            live[number] = record._replace(value=msgspec.json.encode(changed))
            result, differences = compared(scenario, live)
            assert result.different == len(differences) == 1
            (difference,) = differences
            assert difference.corr_id == decision["corr_id"]
            assert ("action", '"panic"', json.dumps(decision["action"])) in difference.fields
            assert not any(field.field == "orchestrator_version" for field in difference.fields)
            return


@given(scenarios())
def test_another_version_alone_is_reported_and_no_difference(scenario: Scenario) -> None:
    effects = run(scenario.workflow_set, finished(scenario))
    live = [
        record._replace(
            value=(record.value or b"").replace(
                b'"orchestrator_version":"1.2.3"', b'"orchestrator_version":"0.9"'
            )
        )
        for record in written(effects)
    ]
    result, differences = compared(scenario, live)
    assert differences == []
    assert dict(result.versions) == ({"0.9": len(effects.outcomes)} if effects.outcomes else {})


@given(scenarios(time_passes=False))
def test_a_decision_that_live_lost_is_named(scenario: Scenario) -> None:
    """Below the offsets that live has committed everything that was complete has been decided."""
    effects = run(scenario.workflow_set, list(scenario.steps))
    committed: dict[str, int] = {}
    for record in in_partition(scenario):
        committed[record.topic] = record.offset + 1
    live = written(effects)
    _, none = compared(scenario, live, committed)
    assert none == []
    if effects.outcomes:
        lost = effects.outcomes[-1].inputs.corr_id
        result, differences = compared(scenario, live[:-2], committed)
        assert [one.corr_id for one in differences] == [lost]
        assert result.different == 1

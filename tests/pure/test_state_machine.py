"""The test driver beside the reference model, step by step: whatever is read, however time passes, both say the same."""

import json

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from orchestration.record import LogRecord
from orchestration.rows import Collecting, Row
from tests.pure.correlation_strategies import (
    AGENTS,
    CORR_IDS,
    INSTRUMENTS,
    START,
    TTL_SEC,
    good_body,
    record_of,
    records,
)
from tests.pure.running import SideBySide
from tests.pure.workflow_sets import SETS, workflow_set

_corr_ids = st.sampled_from(CORR_IDS)
_agents = st.sampled_from(["normalized", *AGENTS])
_a_while = st.sampled_from([0, 0, 1, 2, 500, 1_000, 60_000])
_back = st.sampled_from([0, 0, 0, 1, 1_000, 119_999, 1_000_000])


class Correlations(RuleBasedStateMachine):
    """Two corr_ids in one partition. Records may be older than the time that has passed, as with producers' clocks."""

    @initialize(name=st.sampled_from(SETS), instrument=st.sampled_from(INSTRUMENTS))
    def start(self, name: str, instrument: str) -> None:
        self.both = SideBySide(workflow_set(name), START)
        self.instrument = instrument
        self.ends: dict[str, int] = {}
        self.read: list[LogRecord] = []

    @property
    def now(self) -> int:
        return self.both.driver.now

    def take(self, record: LogRecord) -> None:
        record = record._replace(offset=self.ends.get(record.topic, 0))
        self.ends[record.topic] = record.offset + 1
        self.read.append(record)
        self.both.take(record)

    @rule(corr_id=_corr_ids, agent=_agents, later=_a_while, data=st.data())
    def a_signal(self, corr_id: str, agent: str, later: int, data: st.DataObject) -> None:
        self.take(data.draw(records(self.now + later, corr_id, self.instrument, (agent,))))

    @rule(corr_id=_corr_ids, agent=_agents, back=_back, data=st.data())
    def an_older_signal(self, corr_id: str, agent: str, back: int, data: st.DataObject) -> None:
        self.take(data.draw(records(max(0, self.now - back), corr_id, self.instrument, (agent,))))

    @rule(corr_id=_corr_ids, agents=st.permutations(AGENTS), later=_a_while)
    def every_agent(self, corr_id: str, agents: list[str], later: int) -> None:
        for agent in agents:
            value = json.dumps(good_body(agent, corr_id, self.instrument)).encode()
            self.take(record_of(agent, value, self.now + later, corr_id))

    @precondition(lambda self: self.read)
    @rule(later=_a_while, data=st.data())
    def a_repeat(self, later: int, data: st.DataObject) -> None:
        record = data.draw(st.sampled_from(self.read))
        self.take(record._replace(timestamp=self.now + later))

    @rule(milliseconds=_a_while)
    def time(self, milliseconds: int) -> None:
        self.both.advance_to(self.now + milliseconds)

    @precondition(lambda self: self.rows())
    @rule(one_off=st.sampled_from([-1, 0, 1, 2]), data=st.data())
    def time_until_something_is_due(self, one_off: int, data: st.DataObject) -> None:
        self.both.advance_to(data.draw(st.sampled_from(self.rows())).due + one_off)

    @precondition(lambda self: self.rows())
    @rule(one_off=st.sampled_from([-1, 0, 1, 2]), agent=_agents, data=st.data())
    def a_signal_when_something_is_due(self, one_off: int, agent: str, data: st.DataObject) -> None:
        """At a deadline or at a marker's end, also of the marker behind a correlation that was opened anew."""
        row = data.draw(st.sampled_from(self.rows()))
        self.take(data.draw(records(row.due + one_off, row.corr_id, self.instrument, (agent,))))

    @precondition(lambda self: any(isinstance(row, Collecting) for row in self.rows()))
    @rule(one_off=st.sampled_from([-1, 0, 0, 1]), data=st.data())
    def all_that_is_missing_when_the_deadline_is_due(self, one_off: int, data: st.DataObject) -> None:
        row = data.draw(st.sampled_from([row for row in self.rows() if isinstance(row, Collecting)]))
        for agent in sorted({*AGENTS} - {signal.agent for signal in row.signals}):
            value = json.dumps(good_body(agent, row.corr_id, self.instrument)).encode()
            self.take(record_of(agent, value, row.due + one_off, row.corr_id))

    @rule()
    def the_marker_ends(self) -> None:
        self.both.advance_to(self.now + TTL_SEC * 1000 + 1)

    def rows(self) -> list[Row]:
        found = [row for corr_id in CORR_IDS if (row := self.both.driver.state(corr_id)) is not None]
        return found + [row.previous for row in found if isinstance(row, Collecting) and row.previous]

    def teardown(self) -> None:
        if hasattr(self, "both") and self.both.agree:
            for _ in range(3):
                self.both.advance_to(self.now + 10**9)
            assert self.rows() == []
            assert self.both.driver.open() == []


TestCorrelations = Correlations.TestCase
TestCorrelations.settings = settings(max_examples=settings().max_examples // 2, stateful_step_count=40)

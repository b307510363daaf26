"""What is sent: correlations of every sort, in an order and at times that follow from one seed."""

import heapq
import math
from collections.abc import Iterator
from random import Random

import msgspec

from tests.faults.bodies import OPTIONAL, REQUIRED, drawn_bodies, invalid, straddle
from tests.faults.planned import Planned
from tests.real.signal_sets import NORMALIZED, Bodies, Json, topic_of

_encode = msgspec.json.encode
_POISON = (None, b"", b"\xff\xfe", b"{", b"[]", b'"text"', b'{"corr_id": NaN}', b'{"corr_id": ""}', b"null")
_LARGER_THAN_ALLOWED = 1_200_000


class _Schedule:
    """Messages that wait until they are due; ids in the order of their making."""

    def __init__(self) -> None:
        self._waiting: list[Planned] = []
        self._made = 0

    def add(
        self,
        due: float,
        corr_id: str,
        agent: str,
        kind: str,
        body: Json | bytes | None,
        *,
        keyed: str | None = "",
        shift: int = 0,
    ) -> None:
        """``keyed``: by another text than the corr_id, or by none (None)."""
        self._made += 1
        key = None if keyed is None else (keyed or corr_id).encode()
        value = _encode(body) if isinstance(body, dict) else body
        planned = Planned(due, self._made, corr_id, agent, kind, topic_of(agent), key, value, shift)
        heapq.heappush(self._waiting, planned)

    def before(self, due: float) -> Iterator[Planned]:
        while self._waiting and self._waiting[0].due < due:
            yield heapq.heappop(self._waiting)


class Workload:
    """Iterated, it gives the messages in the order in which they are due; a second time the same ones.

    ``per_second``: correlations opened. ``timeout_seconds``: the workflow's; what misses an agent stays open for as long,
    the complete ones for up to ``spread`` of it. ``hot_messages``: of the one corr_id that gets very many.
    """

    def __init__(
        self,
        seed: int,
        correlations: int,
        *,
        per_second: float = 200.0,
        timeout_seconds: float = 5.0,
        spread: float = 0.6,
        hot_messages: int = 1000,
    ) -> None:
        self.seed = seed
        self.correlations = correlations
        self.per_second = per_second
        self.timeout_seconds = timeout_seconds
        self.spread = spread
        self.hot_messages = hot_messages

    @property
    def seconds(self) -> float:
        """From the first message to the last, at the planned rate."""
        return self.correlations / self.per_second + 2 * self.timeout_seconds + 3

    def __iter__(self) -> Iterator[Planned]:
        schedule = _Schedule()
        hot_at = self.correlations // 4
        for number in range(self.correlations):
            due = number / self.per_second
            yield from schedule.before(due)
            self._correlation(number, due, schedule)
            if number == hot_at and self.hot_messages:
                self._hot(due, schedule)
        yield from schedule.before(math.inf)

    def aborted_batch(self, number: int, correlations: int = 5) -> list[Planned]:
        """Complete correlations for a transaction that is aborted: nobody may ever decide them.

        Different ``number``s give different ids, apart from those of the workload.
        """
        random = Random(f"{self.seed}-aborted-{number}")
        planned: list[Planned] = []
        for each in range(correlations):
            corr_id = f"aborted-{self.seed}-{number}-{each}"
            for agent, body in drawn_bodies(random, corr_id).items():
                next_id = -(1000 * (number + 1) + len(planned))
                planned.append(
                    Planned(
                        0.0,
                        next_id,
                        corr_id,
                        agent,
                        "aborted",
                        topic_of(agent),
                        corr_id.encode(),
                        _encode(body),
                    )
                )
        return planned

    # -- one correlation ----------------------------------------------------------------------------------------------

    def _correlation(self, number: int, due: float, schedule: _Schedule) -> None:
        random = Random(f"{self.seed}-{number}")
        corr_id = f"c{self.seed}-{number:05d}"
        bodies = drawn_bodies(random, corr_id)
        drawn = random.random
        length = self.spread * self.timeout_seconds * drawn()
        silent = random.sample(REQUIRED, random.choices([0, 1, 2], [82, 12, 6])[0])
        agents = [agent for agent in REQUIRED if agent not in silent]
        agents += [agent for agent in OPTIONAL if drawn() < 0.12]
        if drawn() > 0.15:
            agents.append(NORMALIZED)
        if not silent and drawn() < 0.06:
            straddle(random, bodies)
        at = {agent: due + length * drawn() for agent in agents}
        for agent in agents:
            schedule.add(at[agent], corr_id, agent, "signal", bodies[agent])
        if drawn() < 0.10:
            again = random.choice(agents)
            schedule.add(at[again] + length * drawn() * 0.5, corr_id, again, "duplicate", bodies[again])
        if drawn() < 0.08:
            again = random.choice(agents)
            body = bodies[again] | {"note": "another"}
            schedule.add(due + length * drawn(), corr_id, again, "conflict", body)
        if drawn() < 0.08:
            agent = random.choice([*agents, "risk"])
            schedule.add(
                due + length * drawn(), corr_id, agent, "invalid", invalid(random, agent, bodies[agent])
            )
        if drawn() < 0.08:
            self._late(random, due + self.timeout_seconds, corr_id, bodies, schedule)
        if drawn() < 0.04:
            agent = random.choice([*REQUIRED, NORMALIZED])
            schedule.add(due + length * drawn(), corr_id, agent, "poison", random.choice(_POISON))
        if drawn() < 0.04:
            self._misplaced(random, due + length * drawn(), corr_id, bodies, schedule)
        if number % 4999 == 1000:
            schedule.add(due, corr_id, "risk", "poison", bodies["risk"] | {"pad": "x" * _LARGER_THAN_ALLOWED})

    def _late(self, random: Random, after: float, corr_id: str, bodies: Bodies, schedule: _Schedule) -> None:
        """Past every deadline, whether the correlation was complete or not."""
        for _ in range(random.choice([1, 1, 1, 3])):
            agent = random.choice([*REQUIRED, *OPTIONAL, NORMALIZED])
            body = bodies[agent]
            if random.random() < 0.3:
                body = body | {"note": "late"}
            if random.random() < 0.1:
                body = invalid(random, agent, body)
            schedule.add(after + random.uniform(0.5, 2.5), corr_id, agent, "late", body)

    def _misplaced(
        self, random: Random, due: float, corr_id: str, bodies: Bodies, schedule: _Schedule
    ) -> None:
        agent = random.choice(REQUIRED)
        match random.choice(["key", "no key", "partition", "topic"]):
            case "key":
                schedule.add(due, corr_id, agent, "wrong_key", bodies[agent], keyed="EURUSD")
            case "no key":
                schedule.add(due, corr_id, agent, "wrong_key", bodies[agent], keyed=None)
            case "partition":
                schedule.add(due, corr_id, agent, "wrong_partition", bodies[agent], shift=1)
            case _:
                schedule.add(due, corr_id, agent, "wrong_topic", bodies[agent] | {"agent_name": "sentiment"})

    def _hot(self, due: float, schedule: _Schedule) -> None:
        """One corr_id with very many messages: before its deadline past what an audit record lists, after it past what
        is written of late ones."""
        random = Random(f"{self.seed}-hot")
        corr_id = f"hot-{self.seed}"
        bodies = drawn_bodies(random, corr_id)
        schedule.add(due, corr_id, "risk", "hot", bodies["risk"])
        for number in range(self.hot_messages):
            early = number < self.hot_messages // 2
            start = due if early else due + self.timeout_seconds + 0.5
            body = bodies["momentum"] if random.random() < 0.5 else bodies["momentum"] | {"note": str(number)}
            schedule.add(
                start + random.random() * self.timeout_seconds * 0.8, corr_id, "momentum", "hot", body
            )

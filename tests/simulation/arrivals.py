"""What agents and gateways publish in one seed: correlations that overlap, with every kind of mischief."""

from random import Random
from typing import NamedTuple

from orchestration.intake import ENRICHED_PREFIX, NORMALIZED_TOPIC
from tests.simulation.payloads import BROKEN, INSTRUMENTS, INVALID, VARIANTS, corr_ids, payload

AGENTS = ("momentum", "risk", "correlation", "sentiment", "macro")


class Arrival(NamedTuple):
    """A record to be appended. ``partition`` and ``key`` may be wrong on purpose."""

    topic: str
    partition: int
    key: bytes
    value: bytes


def arrivals(random: Random, partitions: int) -> list[Arrival]:
    """All records of a seed, in the order in which they come."""
    placed: list[tuple[float, int, Arrival]] = []
    for number in range(random.randint(4, 8)):
        partition = random.randrange(partitions)
        corr_id = random.choice(corr_ids(partitions, partition))
        begin = number + random.random() * 2
        for moment, arrival in _correlation(random, corr_id, partition, partitions):
            placed.append((begin + moment, len(placed), arrival))
    return [arrival for _, _, arrival in sorted(placed)]


def _correlation(
    random: Random, corr_id: str, partition: int, partitions: int
) -> list[tuple[float, Arrival]]:
    """Moments count correlations: one that is three later comes long after the outcome."""
    instrument = random.choice(INSTRUMENTS)
    agents = [agent for agent in AGENTS[:3] if random.random() < 0.9]
    if random.random() < 0.5:
        # It races the last required one: read before it, it counts; after it, it is late.
        agents.append("sentiment")
    if random.random() < 0.3:
        agents.append("macro")
    if random.random() < 0.6:
        agents.append("normalized")
    found: list[tuple[float, Arrival]] = []
    for agent in agents:
        copies = 1 + (random.random() < 0.2)
        found += [
            (random.random(), _record(random, agent, corr_id, instrument, partition, partitions))
            for _ in range(copies)
        ]
    for _ in range(random.choice((0, 0, 1, 2))):
        agent = random.choice(agents) if agents else "risk"
        # After the outcome, or after the marker's end.
        late = random.choice((1.5, 3.0, 5.0)) * random.random()
        found.append((1 + late, _record(random, agent, corr_id, instrument, partition, partitions)))
    return found


def _record(
    random: Random, agent: str, corr_id: str, instrument: str, partition: int, partitions: int
) -> Arrival:
    topic = NORMALIZED_TOPIC if agent == "normalized" else ENRICHED_PREFIX + agent
    variant = 0 if random.random() < 0.7 else random.randrange(VARIANTS)
    key = corr_id.encode()
    luck = random.random()
    if luck < 0.06:
        variant = INVALID
    elif luck < 0.08:
        variant = BROKEN
    elif luck < 0.09:
        key = b"another"
    elif luck < 0.10:
        partition = (partition + 1) % partitions
    return Arrival(topic, partition, key, payload(agent, corr_id, instrument, variant))

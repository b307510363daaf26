"""Payloads that nobody should send, from a seed: spoiled JSON, noise, depth, huge numbers, broken UTF-8."""

from collections.abc import Iterator
from random import Random

import msgspec

from tests.faults.bodies import OPTIONAL, REQUIRED, drawn_bodies
from tests.faults.planned import Planned
from tests.real.signal_sets import NORMALIZED, topic_of

_HERE = b'"@here@"'
_AGENTS = (*REQUIRED, *OPTIONAL, NORMALIZED)
_SMALL = 2000
_TEXTS = (
    b"null",
    b"true",
    b"[]",
    b"{}",
    b'""',
    b"0",
    b"-1",
    b"-0.0",
    b"1e308",
    b"1e400",
    b"-1e400",
    b"1e-400",
    b"9" * 400,
    b"0." + b"3" * 400,
    b"NaN",
    b"Infinity",
    b"1.7976931348623157e308",
    b"18446744073709551616",
    b'"\\ud800"',
    b'"\\udc00\\ud800"',
    b'"\\u0000"',
    b'"\xff\xfe"',
    b'"\xc3"',
    b'"\xed\xa0\x80"',
    b'"' + b"x" * 5000 + b'"',
    b'{"a":1,"a":2}',
    b'"2026-13-45T99:99:99Z"',
    b'"0001-01-01T00:00:00Z"',
    b'"9999-12-31T23:59:59.999999999Z"',
)


def fuzzed(seed: int, count: int, first_id: int) -> Iterator[Planned]:
    """So many messages, each with the key of its own corr_id; ids count up from ``first_id``."""
    for number in range(count):
        random = Random(f"{seed}-fuzz-{number}")
        corr_id = f"fuzz{seed}-{number}"
        agent = random.choice(_AGENTS)
        value = _spoiled(random, corr_id, agent)
        topic, key = topic_of(agent), corr_id.encode()
        yield Planned(0.0, first_id + number, corr_id, agent, "fuzz", topic, key, value)


def _spoiled(random: Random, corr_id: str, agent: str) -> bytes:
    body = drawn_bodies(random, corr_id)[agent]
    good = msgspec.json.encode(body)
    match random.randrange(8):
        case 0:
            return random.randbytes(random.randrange(_SMALL))
        case 1:
            at = random.randrange(len(good))
            return good[:at] + random.randbytes(random.randrange(1, 4)) + good[at + 1 :]
        case 2:
            begin = random.randrange(len(good))
            return good[:begin] + good[begin + random.randrange(1, 40) :]
        case 3:
            begin, to = random.randrange(len(good)), random.randrange(len(good))
            return good[:to] + good[begin : begin + random.randrange(1, 40)] + good[to:]
        case 4:
            depth = random.choice([50, 101, 5000])
            opening, closing = random.choice([(b"[", b"]"), (b'{"a":', b"}")])
            return _with(random, body, opening * depth + b"1" + closing * depth)
        case _:
            return _with(random, body, random.choice(_TEXTS))


def _with(random: Random, body: dict[str, object], text: bytes) -> bytes:
    """The body with one of its values, at some depth, replaced by this text."""
    changed = dict(body)
    name = random.choice(list(changed))
    inner = changed[name]
    if isinstance(inner, dict) and inner and random.random() < 0.8:
        changed[name] = inner | {random.choice(list(inner)): "@here@"}
    else:
        changed[name] = "@here@"
    return msgspec.json.encode(changed).replace(_HERE, text)

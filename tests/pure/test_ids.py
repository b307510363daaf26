import hashlib
import json

import pytest

from orchestration.ids import decision_id, order_id, usable_corr_id
from orchestration.signal import Signal


def signal(agent: str, payload: bytes, offset: int = 0) -> Signal:
    topic = f"signals.enriched.{agent}"
    return Signal("req_1", agent, topic, 0, offset, 0, payload, hashlib.sha256(payload).digest())


@pytest.mark.parametrize("value", ["a", "req_abc123", "A-Z.a_z-0.9", "x" * 128, "..", "-"])
def test_a_corr_id_of_the_agreed_characters_is_usable(value: str) -> None:
    assert usable_corr_id(value)


@pytest.mark.parametrize(
    "value", ["", "x" * 129, "a b", "a\n", "é", "a/b", "a\x00", "٣", None, 1, True, ["a"], {"a": 1}, b"a"]
)
def test_anything_else_is_no_corr_id(value: object) -> None:
    assert not usable_corr_id(value)


def test_a_decision_id_can_be_recomputed_from_the_audit_record() -> None:
    used = {"risk": signal("risk", b"r"), "momentum": signal("momentum", b"m")}
    content = [
        "req_1",
        "d" * 64,
        [["momentum", hashlib.sha256(b"m").hexdigest()], ["risk", hashlib.sha256(b"r").hexdigest()]],
        hashlib.sha256(b"n").hexdigest(),
    ]
    expected = hashlib.sha256(json.dumps(content, separators=(",", ":")).encode()).hexdigest()
    assert decision_id("req_1", "d" * 64, used, signal("", b"n")) == expected


def test_a_decision_id_does_not_know_arrival_order_or_place() -> None:
    first = {"risk": signal("risk", b"r", 1), "momentum": signal("momentum", b"m", 2)}
    second = {"momentum": signal("momentum", b"m", 70), "risk": signal("risk", b"r", 80)}
    assert decision_id("req_1", "d", first, None) == decision_id("req_1", "d", second, None)


def test_every_input_of_a_decision_changes_its_id() -> None:
    used = {"risk": signal("risk", b"r")}
    ids = {
        decision_id("req_1", "d", used, None),
        decision_id("req_2", "d", used, None),
        decision_id("req_1", "e", used, None),
        decision_id("req_1", "d", {"risk": signal("risk", b"s")}, None),
        decision_id("req_1", "d", {"macro": signal("macro", b"r")}, None),
        decision_id("req_1", "d", {}, None),
        decision_id("req_1", "d", used, signal("", b"n")),
    }
    assert len(ids) == 7


def test_an_order_id_is_a_short_form_of_the_decision_id() -> None:
    assert order_id("0123456789abcdef" * 4) == "ord_0123456789abcdef0123456789abcdef"

"""Every message of an outcome: topic, order, key, headers and fields; and the late signal's."""

from typing import Any

import msgspec
import pytest

from orchestration.decision import decide
from orchestration.effects import late_message, outcome_messages
from orchestration.inputs import Inputs
from orchestration.message import Message
from orchestration.messages.audit import AuditRecord
from orchestration.messages.decision import Decision
from orchestration.messages.fan_out import AuditDecision, PortfolioDecision, RiskMonitorDecision
from orchestration.messages.order import Order
from orchestration.outcome import Outcome
from tests.pure import builders
from tests.pure.builders import (
    VERSION,
    correlation,
    default_workflow,
    enriched,
    inputs,
    momentum,
    normalized,
    risk,
)

READ_TO = {"signals.normalized": 12, "signals.enriched.risk": 7}
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
MODELS: dict[str, Any] = {
    "orchestrated.decision": Decision,
    "risk.monitor.decision": RiskMonitorDecision,
    "audit.decision": AuditDecision,
    "portfolio.decision": PortfolioDecision,
    "execution.order": Order,
    "audit.orchestration.decision": AuditRecord,
}
NOTIFYING = default_workflow(
    routes=[
        {
            "name": "default",
            "action": "trade",
            "execution_topic": "execution.order",
            "only_when": [{"field": "momentum.confidence", "op": "gt", "value": 0.7}],
            "otherwise": {"reason": "weak"},
            "notify": ["desk.fx", "desk.all"],
        }
    ]
)


def outcome(given: Inputs | None = None) -> Outcome:
    return decide(given or inputs(), VERSION)


def messages(given: Inputs | None = None) -> list[Message]:
    return outcome_messages(outcome(given), READ_TO)


def content(topic: str, given: Inputs | None = None) -> dict[str, Any]:
    (message,) = [each for each in messages(given) if each.topic == topic]
    assert message.value is not None
    decoded: dict[str, Any] = msgspec.json.decode(message.value)
    return decoded


def topics(given: Inputs | None = None) -> list[str]:
    return [message.topic for message in messages(given)]


def test_an_outcome_that_trades_sends_the_order_between_the_fan_out_and_the_audit_record() -> None:
    assert topics() == [
        "orchestrated.decision",
        "risk.monitor.decision",
        "audit.decision",
        "portfolio.decision",
        "execution.order",
        "audit.orchestration.decision",
    ]


def test_an_outcome_that_does_not_trade_sends_the_same_without_an_order() -> None:
    assert topics(inputs(momentum(), start=normalized())) == [
        "orchestrated.decision",
        "risk.monitor.decision",
        "audit.decision",
        "portfolio.decision",
        "audit.orchestration.decision",
    ]


def test_every_message_is_what_its_model_says_with_the_keys_in_its_order() -> None:
    for message in messages():
        model = MODELS[message.topic]
        assert message.value is not None
        model.model_validate_json(message.value)
        assert list(msgspec.json.decode(message.value)) == list(model.model_fields)


def test_every_message_of_an_outcome_without_any_valid_signal_is_what_its_model_says() -> None:
    for message in messages(inputs(errors={"risk": builders.error()}, error_count=1)):
        assert message.value is not None
        MODELS[message.topic].model_validate_json(message.value)


def test_only_the_decision_and_the_audit_record_are_essential() -> None:
    assert [message.topic for message in messages() if message.essential] == [
        "orchestrated.decision",
        "audit.orchestration.decision",
    ]


def test_the_key_is_the_corr_id_and_the_headers_come_in_their_order() -> None:
    given = inputs(
        momentum(envelope={"traceparent": PARENT, "timestamp": builders.DECIDED}), risk(), start=normalized()
    )
    for message in messages(given):
        assert message.key == b"req_abc123"
        assert message.headers == (
            ("corr_id", b"req_abc123"),
            ("decision_id", outcome(given).decision_id.encode()),
            ("schema_version", b"1.0.0"),
            ("source", b"orchestrator"),
            ("traceparent", PARENT.encode()),
        )


def test_the_trace_goes_on_from_the_last_record_used_and_from_no_other() -> None:
    early = momentum(envelope={"traceparent": PARENT, "timestamp": builders.START})
    assert all(
        "traceparent" not in dict(m.headers) for m in messages(inputs(early, risk(), start=normalized()))
    )
    late_start = normalized(traceparent=PARENT, timestamp=builders.DECIDED)
    assert all(
        dict(m.headers)["traceparent"] == PARENT.encode()
        for m in messages(inputs(early, risk(), start=late_start))
    )


def test_the_order() -> None:
    decision_id = outcome().decision_id
    assert content("execution.order") == {
        "order_id": "ord_" + decision_id[:32],
        "decision_id": decision_id,
        "corr_id": "req_abc123",
        "agent_id": "orchestrator",
        "strategy_id": "default/default",
        "instrument": "EURUSD",
        "side": "buy",
        "order_type": "market",
        "quantity": 7500.0,
        "quantity_unit": "account_currency",
        "price": 1.0945,
        "confidence": 0.658,
        "risk_score": 0.4,
        "action": "trade",
        "strategy": None,
        "handler": "default",
        "position_multiplier": 1.0,
        "additional_checks": [],
        "risk_params": {"stop_loss": 1.09, "max_risk_per_trade": 0.02},
        "reasoning": "high_confidence_momentum",
        "signal_refs": ["correlation", "momentum", "risk"],
        "timestamp": "2026-01-15T10:30:04.120Z",
        "valid_until": "2026-01-15T10:35:00.100Z",
    }


@pytest.mark.parametrize("recommendations", [None, {}, {"suggested_stop_loss": None}], ids=repr)
def test_an_order_without_recommendations_says_so(recommendations: Any) -> None:
    given = inputs(momentum(), risk(recommendations=recommendations), start=normalized())
    assert content("execution.order", given)["risk_params"] == {"stop_loss": None, "max_risk_per_trade": None}


def test_the_fan_out() -> None:
    ids = {"decision_id": outcome().decision_id, "corr_id": "req_abc123"}
    time = {"timestamp": "2026-01-15T10:30:04.120Z"}
    assert content("risk.monitor.decision") == {
        **ids,
        "instrument": "EURUSD",
        "action": "trade",
        "reason": "high_confidence_momentum",
        "risk_level": "low",
        "overall_score": 0.4,
        "position_size": 7500.0,
        "confidence": 0.658,
        **time,
    }
    assert content("portfolio.decision") == {
        **ids,
        "instrument": "EURUSD",
        "side": "buy",
        "action": "trade",
        "position_size": 7500.0,
        "portfolio_impact": 0.45,
        "confidence": 0.658,
        **time,
    }
    assert content("audit.decision") == {
        **ids,
        "action": "trade",
        "reason": "high_confidence_momentum",
        "confidence": 0.658,
        "agents": ["correlation", "momentum", "risk"],
        **time,
    }


def test_the_fan_out_says_null_where_nobody_spoke() -> None:
    given = inputs(enriched("sentiment", {}, source=None), errors={})
    assert content("risk.monitor.decision", given)["overall_score"] is None
    assert content("portfolio.decision", given)["instrument"] is None


def test_the_fan_out_does_not_quote_agents_that_the_workflow_does_not_name() -> None:
    workflow = default_workflow(
        required_agents=["momentum"],
        optional_agents=[],
        min_agents=1,
        weights={"momentum": {"weight": 1, "value": "confidence"}},
        routes=[{"name": "default", "action": "monitor"}],
    )
    given = inputs(momentum(), risk(), correlation(), start=normalized(), workflow=workflow)
    assert content("risk.monitor.decision", given)["risk_level"] is None
    assert content("portfolio.decision", given)["portfolio_impact"] is None


def test_notified_topics_get_the_decision_after_the_order_also_where_the_route_only_monitors() -> None:
    assert topics(inputs(momentum(), risk(), start=normalized(), workflow=NOTIFYING))[4:] == [
        "execution.order",
        "desk.fx",
        "desk.all",
        "audit.orchestration.decision",
    ]
    weak = messages(inputs(momentum(confidence=0.6), risk(), start=normalized(), workflow=NOTIFYING))
    assert [message.topic for message in weak][4:] == ["desk.fx", "desk.all", "audit.orchestration.decision"]
    assert {message.value for message in weak if message.topic.startswith("desk")} == {weak[0].value}


def test_nobody_is_notified_where_another_rule_has_precedence() -> None:
    blocked = inputs(momentum(), risk(risk_level="blocked"), start=normalized(), workflow=NOTIFYING)
    assert not [topic for topic in topics(blocked) if topic.startswith("desk")]


def test_a_late_signal_goes_out_as_it_was_received_with_its_reason_and_its_place() -> None:
    late = momentum(envelope={"offset": 41, "traceparent": PARENT})
    assert late_message(late, "after_outcome") == Message(
        "signals.late",
        b"req_abc123",
        late.value,
        (
            ("corr_id", b"req_abc123"),
            ("schema_version", b"1.0.0"),
            ("source", b"orchestrator"),
            ("traceparent", PARENT.encode()),
            ("late_reason", b"after_outcome"),
            ("late_topic", b"signals.enriched.momentum"),
            ("late_partition", b"3"),
            ("late_offset", b"41"),
        ),
    )


def test_a_late_signal_names_the_decision_that_it_missed_where_that_is_known() -> None:
    assert late_message(momentum(), "duplicate", "abc").headers[1] == ("decision_id", b"abc")

import json
from collections.abc import Iterator
from typing import Any, Literal

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from orchestration.messages.audit import AuditRecord
from orchestration.messages.base import Input, Output
from orchestration.messages.decision import Decision, StageRecord
from orchestration.messages.enriched import (
    EnrichedSignal,
    MomentumSignal,
    enriched_model,
)
from orchestration.messages.order import Order
from orchestration.messages.schemas import schemas
from orchestration.messages.shape import field_shape
from orchestration.messages.validation import first_error
from tests.pure.signal_samples import enriched

Json = dict[str, Any]


def models(base: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for model in base.__subclasses__():
        yield model
        yield from models(model)


ALL_MODELS = sorted({*models(Input), *models(Output)}, key=lambda model: model.__name__)


@pytest.mark.parametrize("model", ALL_MODELS)
def test_every_field_says_what_it_is(model: type[BaseModel]) -> None:
    for name, field in model.model_fields.items():
        constant = field.annotation is not None and getattr(field.annotation, "__origin__", None) is Literal
        nested = isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
        assert field.description or constant or nested or name == "result", name


@pytest.mark.parametrize("model", [model for model in ALL_MODELS if issubclass(model, Input)])
def test_every_input_field_has_words_for_what_is_expected(model: type[BaseModel]) -> None:
    """A body with every field wrong, each mended in turn, gives a message for each."""
    body: Json = dict.fromkeys(model.model_fields, ValueError)
    for name, field in model.model_fields.items():
        if field_shape(field).type is not Any:
            message = first_error(model, body)
            assert message is not None
            assert message.startswith(f"{name}: ")
        del body[name]
        if field.is_required():
            break


AT = "2026-01-15T10:30:02.120Z"
HASH = "0123456789abcdef" * 4

DECISION: Json = {
    "schema_version": "1.0.0",
    "decision_id": HASH,
    "corr_id": "req_abc123",
    "workflow": "default",
    "workflow_digest": HASH,
    "orchestrator_version": "0.1.0",
    "orchestrated_at": "2026-01-15T10:30:04.120Z",
    "action": "trade",
    "reason": "high_confidence_momentum",
    "confidence": 0.558,
    "aggregation_method": "weighted_average",
    "contributing_agents": ["correlation", "momentum", "risk"],
    "contributing_signals": [
        {
            "agent_name": "correlation",
            "agent_version": "1.0.0",
            "corr_id": "req_abc123",
            "enriched_at": AT,
            "contribution": 0.09,
        }
    ],
    "completed_by": "all_required",
    "partial_data": False,
    "available_agents": ["correlation", "momentum", "risk"],
    "missing_agents": [],
    "invalid_agents": {},
    "source_signal": {
        "instrument": "EURUSD",
        "price": 1.0945,
        "side": "buy",
        "strength": 0.75,
        "timestamp": AT,
    },
    "direction": "bullish",
    "position_size": 7500.0,
    "route": "default",
    "handler": "default",
    "execution_topic": "execution.order",
    "strategy": None,
    "position_multiplier": 1.0,
    "additional_checks": [],
    "current_stage": 3,
    "stages": [
        {
            "stage": 0,
            "name": "validation",
            "stopped": False,
            "result": {"quality_score": 0.82, "validated": True},
        }
    ],
}


def test_the_decision_of_the_contracts_is_one_of_ours_with_its_keys_in_order() -> None:
    decision = Decision.model_validate_json(json.dumps(DECISION))
    assert list(Decision.model_fields) == list(DECISION)
    assert json.loads(decision.model_dump_json()) == DECISION


@pytest.mark.parametrize("name", sorted(DECISION))
def test_nothing_may_be_missing_from_a_decision(name: str) -> None:
    with pytest.raises(ValidationError):
        Decision.model_validate({key: value for key, value in DECISION.items() if key != name})


@pytest.mark.parametrize(
    "stage",
    [
        {
            "stage": 1,
            "name": "risk_check",
            "stopped": False,
            "result": {"risk_factors": {"overall_risk": 0.3, "vol_percentile": 50.0}, "risk_approved": True},
        },
        {
            "stage": 2,
            "name": "position_sizing",
            "stopped": False,
            "result": {"base_size": 1.0, "position_size": 0.5},
        },
        {
            "stage": 3,
            "name": "execution_timing",
            "stopped": False,
            "result": {"signal_age_sec": 2.1, "valid_until": AT},
        },
        {
            "stage": 1,
            "name": "risk_check",
            "stopped": True,
            "result": {"stop_workflow": True, "reason": "excessive_risk"},
        },
        {
            "stage": 2,
            "name": "position_sizing",
            "stopped": True,
            "error": {"type": "ValueError", "message": "x"},
        },
    ],
    ids=str,
)
def test_a_stage_passed_stopped_or_failed(stage: Json) -> None:
    adapter: TypeAdapter[StageRecord] = TypeAdapter(StageRecord)
    adapter.validate_python(stage)
    for wrong in (
        {**stage, "stopped": not stage["stopped"]},
        {**stage, "result": None},
        {**stage, "more": 1},
    ):
        with pytest.raises(ValidationError):
            adapter.validate_python(wrong)


ORDER: Json = {
    "order_id": "ord_" + HASH[:32],
    "decision_id": HASH,
    "corr_id": "req_abc123",
    "agent_id": "orchestrator",
    "strategy_id": "default/default",
    "instrument": "EURUSD",
    "side": "buy",
    "order_type": "market",
    "quantity": 7500.0,
    "quantity_unit": "account_currency",
    "price": 1.0945,
    "confidence": 0.558,
    "risk_score": 0.35,
    "action": "trade",
    "strategy": None,
    "handler": "default",
    "position_multiplier": 1.0,
    "additional_checks": [],
    "risk_params": {"stop_loss": 1.089, "max_risk_per_trade": None},
    "reasoning": "high_confidence_momentum",
    "signal_refs": ["correlation", "momentum", "risk"],
    "timestamp": AT,
    "valid_until": AT,
}


def test_the_order_of_the_contracts_is_one_of_ours_with_its_keys_in_order() -> None:
    Order.model_validate(ORDER)
    assert list(Order.model_fields) == list(ORDER)


@pytest.mark.parametrize(
    "change",
    [{"quantity": 0.0}, {"action": "monitor"}, {"side": None}, {"valid_until": None}, {"price": 0.0}],
)
def test_what_must_not_be_executed_is_no_order(change: Json) -> None:
    with pytest.raises(ValidationError):
        Order.model_validate({**ORDER, **change})


def test_an_audit_record_holds_the_decision_whole() -> None:
    used: Json = {
        "agent_version": None,
        "confidence": 0.8,
        "timestamp": AT,
        "sha256": HASH,
        "topic": "signals.enriched.momentum",
        "partition": 3,
        "offset": 41,
    }
    record: Json = {
        "corr_id": "req_abc123",
        "decision_id": HASH,
        "timestamp": AT,
        "orchestrator_version": "0.1.0",
        "input_signals": {"momentum": used},
        "source_signal": None,
        "decision": DECISION,
        "errors": {"risk": {"type": "validation_error", "message": "analysis: object"}},
        "superseded": {
            "momentum": {
                "duplicate": {"count": 1, "coordinates": [{"topic": "t", "partition": 0, "offset": 9}]}
            }
        },
        "read_to": {"signals.normalized": 12},
        "metadata": {
            "processing_time_ms": 4120,
            "orchestration_pattern": "fan_in",
            "timeout_occurred": False,
            "error_count": 1,
        },
    }
    assert json.loads(AuditRecord.model_validate(record).model_dump_json()) == record


def test_the_schemas_are_the_same_at_every_call_and_name_their_files_by_topic() -> None:
    made = schemas()
    assert json.dumps(made) == json.dumps(schemas())
    assert {"signals.normalized.json", "orchestrated.decision.json", "execution.order.json"} <= set(made)
    assert made["orchestrated.decision.json"]["required"] == list(DECISION)
    assert made["signals.enriched.risk.json"]["additionalProperties"] is True
    assert made["execution.order.json"]["additionalProperties"] is False
    factors = made["orchestrated.decision.json"]["$defs"]["RiskFactors"]
    assert factors["required"] == ["overall_risk"]
    assert "default" not in factors["properties"]["vol_percentile"]


def test_an_agent_that_promises_nothing_more_has_the_general_model() -> None:
    assert enriched_model("momentum") is MomentumSignal
    assert enriched_model("sentiment") is EnrichedSignal


def test_an_input_keeps_what_it_does_not_know() -> None:
    signal = EnrichedSignal.model_validate({**enriched("sentiment"), "extra": {"a": 1}})
    assert signal.model_extra == {"extra": {"a": 1}}
    with pytest.raises(ValidationError):
        signal.agent_name = "other"

"""The public interface as JSON Schemas, made from the models."""

from typing import Any

from pydantic import BaseModel

from orchestration.messages.audit import AuditRecord
from orchestration.messages.decision import Decision
from orchestration.messages.enriched import CorrelationSignal, EnrichedSignal, MomentumSignal, RiskSignal
from orchestration.messages.fan_out import AuditDecision, PortfolioDecision, RiskMonitorDecision
from orchestration.messages.normalized import NormalizedSignal
from orchestration.messages.order import Order

_DIALECT = "https://json-schema.org/draft/2020-12/schema"

# `signals.enriched` stands for the topics of all agents that promise nothing more, `execution.order` for `execution.*`.
_MODELS: dict[str, type[BaseModel]] = {
    "signals.normalized": NormalizedSignal,
    "signals.enriched": EnrichedSignal,
    "signals.enriched.momentum": MomentumSignal,
    "signals.enriched.risk": RiskSignal,
    "signals.enriched.correlation": CorrelationSignal,
    "orchestrated.decision": Decision,
    "execution.order": Order,
    "risk.monitor.decision": RiskMonitorDecision,
    "audit.decision": AuditDecision,
    "portfolio.decision": PortfolioDecision,
    "audit.orchestration.decision": AuditRecord,
}


def schemas() -> dict[str, dict[str, Any]]:
    """JSON Schema (draft 2020-12) by file name, ``<topic>.json``; the same content at every call."""
    return {
        f"{topic}.json": {"$schema": _DIALECT, **model.model_json_schema()}
        for topic, model in _MODELS.items()
    }

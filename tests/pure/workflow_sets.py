"""Workflow files for tests that compare the core with the reference model: as objects, and as the plain data of the file."""

from functools import cache
from typing import Any, NamedTuple

from ruamel.yaml import YAML

from config.orchestrator_settings import SHIPPED_WORKFLOWS
from orchestration.workflow import Workflow
from orchestration.workflows import Workflows

Json = dict[str, Any]


class WorkflowSet(NamedTuple):
    """``plain``: what stands in the file, for the reference model."""

    name: str
    plain: list[Json]
    workflows: Workflows

    def __repr__(self) -> str:
        return f"workflow_set({self.name!r})"


def make_set(name: str, plain: list[Json]) -> WorkflowSet:
    return WorkflowSet(name, plain, Workflows([Workflow.model_validate(entry) for entry in plain]))


@cache
def workflow_set(name: str) -> WorkflowSet:
    """One of ``SETS``."""
    if name == "odd":
        return make_set(name, ODD)
    if name == "all":
        return make_set(name, [*(_file(example)[0] for example in EXAMPLES), *_file("shipped")])
    return make_set(name, _file(name))


def _file(name: str) -> list[Json]:
    folder = SHIPPED_WORKFLOWS.parent
    path = SHIPPED_WORKFLOWS if name == "shipped" else folder / "examples" / f"workflows-{name}.yaml"
    plain: list[Json] = YAML(typ="safe", pure=True).load(path)
    return plain


EXAMPLES = ("crypto", "etf", "fx")
SETS = ("shipped", *EXAMPLES, "all", "odd")

_TRADING: Json = {"action": "trade", "execution_topic": "execution.order"}

ODD: list[Json] = [
    {
        "name": "quick",
        "match": [{"field": "instrument", "op": "starts_with", "value": "SP"}],
        "required_agents": ["risk", "momentum"],
        "optional_agents": ["sentiment"],
        # Nearly always past when a record reveals the instrument.
        "timeout_sec": 0.001,
        "min_agents": 1,
        # In an order that is not the alphabet's, with weights whose sum shows in which order they were added.
        "weights": {
            "sentiment": {"weight": 0.1, "value": "1 - deep.score"},
            "risk": {"weight": 0.2, "value": "1 - overall_score"},
            "momentum": {"weight": 0.7, "value": "momentum_strength"},
        },
        "stages": {"validation": None},
        "routes": [
            {
                "name": "vast",
                "when": [
                    {
                        "any_of": [
                            {"field": "momentum.trend_direction", "op": "eq", "value": "unknown"},
                            {"field": "risk.exposure_analysis.hedged", "op": "ne", "value": True},
                            {
                                "all_of": [
                                    {"field": "risk.agent_version", "op": "in", "value": ["2.0.0", "1.0.0"]},
                                    {"field": "sentiment.confidence", "op": "not_in", "value": [0.7, 0.8]},
                                    {
                                        "field": "sentiment.source_signal.price",
                                        "op": "exists",
                                        "value": False,
                                    },
                                ]
                            },
                        ]
                    }
                ],
                **_TRADING,
                "position_multiplier": 10,
                "strategy": "breakout",
                "notify": ["desk.news", "desk.risk"],
                "only_when": [{"field": "risk.overall_score", "op": "le", "value": 0.6}],
                "otherwise": {"action": "monitor", "reason": "too_wild"},
            },
            {"name": "default", **_TRADING, "position_multiplier": 0.0001, "notify": ["desk.news"]},
        ],
    },
    {
        "name": "watch",
        "match": [
            {"field": "instrument", "op": "length", "value": 7},
            {"field": "instrument", "op": "not_in", "value": ["ETH/USD"]},
        ],
        "required_agents": ["sentiment"],
        "timeout_sec": 2.5,
        "min_agents": 1,
        "weights": {"sentiment": {"weight": 1, "value": "confidence"}},
        "stages": {
            "validation": {"minimum_quality": 0.7},
            "risk_check": None,
            "position_sizing": None,
            "execution_timing": None,
        },
        "routes": [{"name": "only", "action": "monitor", "notify": ["desk.news"]}],
    },
    {
        "name": "rest",
        "required_agents": ["correlation", "risk"],
        "optional_agents": ["momentum"],
        "timeout_sec": 1,
        "min_agents": 2,
        "weights": {
            "correlation": {"weight": 0.5, "value": "portfolio_impact"},
            "momentum": {"weight": 0.5, "value": "confidence"},
        },
        "stages": {"execution_timing": {"max_signal_age_sec": 0.75}},
        "routes": [{"name": "default", "reason": "why_not", **_TRADING, "additional_checks": ["margin"]}],
    },
]

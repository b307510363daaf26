"""Workflows: which agents a correlation needs, how long to wait, and how it is decided. Data, never code (contracts §6)."""

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from orchestration.condition import INSTRUMENT, Condition, Frozen, clauses

WEIGHT_TOLERANCE = 1e-9
RESERVED_AGENT = "normalized"
"""The name under which audit records list normalized signals beside the agents'."""

AgentName = Annotated[
    str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$", description="Last token of the agent's topic.")
]
TopicName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$", max_length=200)]
Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=64)]

# Every workflow writes these itself, reads them or keeps its state in them: a route that named one would send its
# messages among those, twice to the same topic or back into its own input.
_OWN_TOPICS = (
    "orchestrated.decision",
    "risk.monitor.decision",
    "audit.decision",
    "audit.orchestration.decision",
    "portfolio.decision",
    "orchestrator.tick",
)
_OWN_PREFIXES = ("signals.", "dlq.", "executions.")


class Weight(Frozen):
    """One agent's part in the confidence."""

    weight: Annotated[float, Field(gt=0, le=1)]
    value: Annotated[
        str,
        Field(
            pattern=r"^(1 - )?[a-z][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*$",
            max_length=200,
            description="Field of the agent's analysis in 0..1, or `1 - <field>` where less is better.",
        ),
    ]


class Stages(Frozen):
    """Which stages run, with their limits. They keep their order and numbers; null leaves one out."""

    class Validation(Frozen):
        minimum_quality: Annotated[float, Field(ge=0, le=1)] = 0.6

    class RiskCheck(Frozen):
        maximum_overall_risk: Annotated[float, Field(ge=0, le=1)] = 0.8

    class PositionSizing(Frozen):
        pass

    class ExecutionTiming(Frozen):
        max_signal_age_sec: Annotated[float, Field(gt=0, le=86400)] = 300.0

    validation: Validation | None = Validation()
    risk_check: RiskCheck | None = RiskCheck()
    position_sizing: PositionSizing | None = PositionSizing()
    execution_timing: ExecutionTiming | None = ExecutionTiming()


class Otherwise(Frozen):
    """What a matched route gives when its `only_when` does not hold: never an order."""

    action: Literal["monitor"] = "monitor"
    reason: Identifier


class Route(Frozen):
    """One way a decision can go. The first route whose `when` holds is taken."""

    name: Identifier
    when: Condition = ()
    action: Literal["trade", "trade_with_caution", "monitor"]
    reason: Annotated[
        Identifier | None, Field(description="The decision's reason; the route's name where it is left out.")
    ] = None
    execution_topic: TopicName | None = None
    strategy: Annotated[str | None, Field(max_length=64)] = None
    position_multiplier: Annotated[float, Field(ge=0.0001, le=10)] = 1.0
    additional_checks: Annotated[
        tuple[Annotated[str, Field(max_length=64)], ...], Field(strict=False, max_length=16)
    ] = ()
    only_when: Condition = ()
    otherwise: Otherwise | None = None
    notify: Annotated[tuple[TopicName, ...], Field(strict=False, max_length=16)] = ()

    @property
    def trades(self) -> bool:
        return self.action in ("trade", "trade_with_caution")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.trades and not (self.execution_topic or "").startswith("execution."):
            raise ValueError(
                f"execution_topic: a route that gives {self.action} needs a topic that starts with 'execution.'"
            )
        if not self.trades and self.execution_topic is not None:
            raise ValueError("execution_topic: only a route that trades may name one")
        if bool(self.only_when) != (self.otherwise is not None):
            raise ValueError("otherwise: needed where only_when is given, and only there")
        if any(topic.startswith("execution.") for topic in self.notify):
            raise ValueError("notify: topics that start with 'execution.' are for orders only")
        if any(topic in _OWN_TOPICS or topic.startswith(_OWN_PREFIXES) for topic in self.notify):
            raise ValueError("notify: not a topic that the orchestrator or an executor uses itself")
        if len(set(self.notify)) < len(self.notify):
            raise ValueError("notify: each topic once")
        return self


class Workflow(Frozen):
    """One way to decide correlations. `match` is asked about the instrument known so far."""

    name: Identifier
    match: Condition = ()
    required_agents: Annotated[tuple[AgentName, ...], Field(strict=False, min_length=1, max_length=32)]
    optional_agents: Annotated[tuple[AgentName, ...], Field(strict=False, max_length=32)] = ()
    timeout_sec: Annotated[float, Field(ge=0.001, le=86400)]
    min_agents: Annotated[int, Field(ge=1)]
    weights: Annotated[
        dict[AgentName, Weight],
        Field(description="Parts of the confidence, summed in this order; together 1."),
    ]
    stages: Stages = Stages()
    routes: Annotated[tuple[Route, ...], Field(strict=False, min_length=1, max_length=64)]

    @property
    def agents(self) -> tuple[str, ...]:
        return self.required_agents + self.optional_agents

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        problems = "\n".join(self._problems())
        if problems:
            raise ValueError(problems)
        return self

    def _problems(self) -> Iterator[str]:
        """What is wrong between fields, each as ``<field>: <expected>``, one a line."""
        yield from self._problems_with_agents()
        yield from self._problems_with_routes()
        if any(clause.field != INSTRUMENT for clause in clauses(self.match)):
            # Asked before the agents have reported: their fields would read as empty, and the rule as never true.
            yield f"match: clauses about {INSTRUMENT} only"

    def _problems_with_agents(self) -> Iterator[str]:
        if len(set(self.agents)) < len(self.agents):
            yield "optional_agents: each agent once, required or optional"
        if RESERVED_AGENT in self.agents:
            yield f"required_agents, optional_agents: {RESERVED_AGENT!r} is not the name of an agent"
        if self.min_agents > len(self.agents):
            yield f"min_agents: at most {len(self.agents)}, the number of agents"
        for agent in self.weights:
            if agent not in self.agents:
                yield f"weights.{agent}: an agent of this workflow"
        if abs(sum(weight.weight for weight in self.weights.values()) - 1) > WEIGHT_TOLERANCE:
            yield "weights: sum to 1"

    def _problems_with_routes(self) -> Iterator[str]:
        names = [route.name for route in self.routes]
        for index, route in enumerate(self.routes):
            if route.name in names[:index]:
                yield f"routes.{index}.name: used once, {route.name!r} is taken"
            for part in ("when", "only_when"):
                for clause in clauses(getattr(route, part)):
                    if clause.field != INSTRUMENT and clause.field.partition(".")[0] not in self.agents:
                        yield f"routes.{index}.{part}: fields of this workflow's agents, not {clause.field!r}"
        if self.routes[-1].when:
            yield f"routes.{len(self.routes) - 1}.when: empty, since the last route must match always"
        if any(route.trades for route in self.routes):
            for stage in ("risk_check", "position_sizing", "execution_timing"):
                if getattr(self.stages, stage) is None:
                    yield f"stages.{stage}: needed where a route trades"

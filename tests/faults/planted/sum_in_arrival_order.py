"""The confidence is summed in the order in which the agents' signals came, not in the workflow's."""

from typing import Any

from orchestration import decision
from orchestration.aggregation import Aggregate
from orchestration.inputs import Inputs
from orchestration.workflow import Workflow
from tests.faults.planted.replacing import replace

_arrival: list[str] = []


def plant() -> None:
    def make_decide(decide: Any) -> Any:
        def noting_the_order(inputs: Inputs, *arguments: Any) -> Any:
            _arrival[:] = inputs.used
            return decide(inputs, *arguments)

        return noting_the_order

    def make_aggregate(aggregate: Any) -> Any:
        def in_arrival_order(workflow: Workflow, bodies: Any) -> Aggregate:
            right: Aggregate = aggregate(workflow, bodies)
            weights = total = 0.0
            for agent in _arrival:
                if agent in right.contributions:
                    weight = workflow.weights[agent].weight
                    weights += weight
                    total += weight * _value(workflow, agent, bodies[agent])
            return right if not weights else right._replace(confidence=total / weights)

        return in_arrival_order

    from orchestration import correlation

    replace(correlation, "decide", make_decide)
    replace(decision, "aggregate", make_aggregate)


def _value(workflow: Workflow, agent: str, body: Any) -> float:
    name = workflow.weights[agent].value
    value: float = body["analysis"][name.removeprefix("1 - ")]
    return 1 - value if name.startswith("1 - ") else value

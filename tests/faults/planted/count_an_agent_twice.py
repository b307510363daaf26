"""An agent that repeated itself stands in the decision twice."""

from typing import Any

from orchestration import decision
from orchestration.inputs import Inputs
from tests.faults.planted.replacing import replace


def plant() -> None:
    def make(decision_content: Any) -> Any:
        def twice(inputs: Inputs, *arguments: Any) -> Any:
            content = decision_content(inputs, *arguments)
            repeated = {one.signal.agent for one in inputs.superseded}
            signals = content["contributing_signals"]
            content["contributing_signals"] = [
                one for one in signals for _ in range(1 + (one["agent_name"] in repeated))
            ]
            return content

        return twice

    replace(decision, "decision_content", make)

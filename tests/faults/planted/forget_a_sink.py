"""The portfolio is not told of outcomes that send no order."""

from typing import Any

from orchestration import processor
from orchestration.effects import PORTFOLIO_TOPIC
from tests.faults.planted.replacing import replace


def plant() -> None:
    def make(outcome_messages: Any) -> Any:
        def without_portfolio(outcome: Any, read_to: Any) -> Any:
            messages = outcome_messages(outcome, read_to)
            if outcome.order is None:
                return [message for message in messages if message.topic != PORTFOLIO_TOPIC]
            return messages

        return without_portfolio

    replace(processor, "outcome_messages", make)

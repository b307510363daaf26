"""What cannot be decoded is skipped without a trace."""

from typing import Any

from orchestration import processor
from orchestration.dead_letter import DeadLetter
from tests.faults.planted.replacing import replace


def plant() -> None:
    def make(dead_letter: Any) -> Any:
        def but_for_poison(letter: DeadLetter, effects: Any) -> None:
            if letter.reason != "not_decodable":
                dead_letter(letter, effects)

        return but_for_poison

    replace(processor, "_dead_letter", make)

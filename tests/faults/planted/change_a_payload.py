"""Late signals are written anew instead of as they were received."""

import json
from typing import Any

from msgspec import structs

from orchestration import processor
from tests.faults.planted.replacing import replace


def plant() -> None:
    def make(late_message: Any) -> Any:
        def written_anew(signal: Any, *arguments: Any) -> Any:
            value = json.dumps(json.loads(signal.value)).encode()
            return late_message(structs.replace(signal, value=value), *arguments)

        return written_anew

    replace(processor, "late_message", make)

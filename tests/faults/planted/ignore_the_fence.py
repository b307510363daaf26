"""Each process has transactional ids of its own and commits offsets without the group's generation: a worker that slept
past its session writes on."""

import uuid
from typing import Any

from streams.lane.membership_metadata import Membership
from streams.lane.transactional_writer import TransactionalWriter
from tests.faults.planted.replacing import replace


def plant() -> None:
    def make_init(init: Any) -> Any:
        def unfenced(
            writer: TransactionalWriter,
            configuration: Any,
            transactional_id: str,
            *arguments: Any,
            **named: Any,
        ) -> None:
            init(writer, configuration, f"{transactional_id}-{uuid.uuid4().hex}", *arguments, **named)

        return unfenced

    def make_metadata(metadata: Any) -> Any:
        return lambda membership: metadata(membership._replace(generation=-1, member_id="", instance_id=None))

    replace(TransactionalWriter, "__init__", make_init)
    replace(Membership, "metadata", make_metadata)

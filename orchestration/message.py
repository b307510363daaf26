"""A message to be sent: what the core hands to the one place that writes."""

import msgspec


class Message(msgspec.Struct, frozen=True, gc=False):
    """``key`` is the corr_id (or the key as received, for dead letters). Headers in the order in which they are written.

    ``essential``: without it the outcome must not stand, so a refusal for good stops the worker
    (``orchestrated.decision`` and the audit record).
    """

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    essential: bool = False

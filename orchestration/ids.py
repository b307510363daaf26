"""Ids. Those that we make are pure functions of what was decided on, so a replay makes the same ones."""

import re
from collections.abc import Mapping
from hashlib import sha256

from orchestration.signal import Signal

CORR_ID_PATTERN = "[A-Za-z0-9_.-]{1,128}"
CORR_ID_EXPECTED = "1 to 128 of A-Z a-z 0-9 _ . -"

_CORR_ID = re.compile(CORR_ID_PATTERN)


def usable_corr_id(value: object) -> bool:
    """Whether `value` is text of 1 to 128 characters of ``A-Z a-z 0-9 _ . -``."""
    return isinstance(value, str) and _CORR_ID.fullmatch(value) is not None


def decision_id(
    corr_id: str, workflow_digest: str, used: Mapping[str, Signal], normalized: Signal | None
) -> str:
    """SHA-256 (64 hex digits) of what a decision was made of: ids and the payloads' hashes, never places in the log.

    Everything that goes in stands in the audit record, so anyone can recompute it (docs/decisions/decision-semantics.md).
    """
    # Canonical JSON put together by hand: no character of an id, an agent's name or a digest is ever escaped.
    payloads = ",".join([f'["{agent}","{used[agent].sha256.hex()}"]' for agent in sorted(used)])
    source = "null" if normalized is None else f'"{normalized.sha256.hex()}"'
    return sha256(f'["{corr_id}","{workflow_digest}",[{payloads}],{source}]'.encode()).hexdigest()


def order_id(decision_id: str) -> str:
    """The idempotency key of the decision's order: ``ord_`` and 32 hex digits."""
    return "ord_" + decision_id[:32]

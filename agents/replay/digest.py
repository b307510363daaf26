"""One number for all decisions of a run: the same whatever the order, the processes and the machine they were made on."""

from hashlib import sha256

_MODULUS = 1 << 256


def without_version(decision: bytes, version: bytes) -> bytes:
    """The bytes of a decision with an empty ``orchestrator_version``, which is outside of every comparison.

    ``version``: the JSON text of the version that made it.
    """
    return decision.replace(b'"orchestrator_version":' + version, b'"orchestrator_version":""', 1)


class Digest:
    """A sum of SHA-256 hashes: decisions of different partitions have no order among each other that could be kept.

    A sum and not an exclusive or, in which a decision that was made twice would cancel itself out.
    """

    def __init__(self) -> None:
        self.sum = 0
        self.count = 0

    def add(self, decision: bytes) -> None:
        self.sum += int.from_bytes(sha256(decision).digest(), "big")
        self.count += 1

    def join(self, other_sum: int, count: int) -> None:
        """Take in the ``sum`` and ``count`` of another part of the same run."""
        self.sum += other_sum
        self.count += count

    @property
    def text(self) -> str:
        """64 hex digits, of the count and the sum."""
        return sha256(b"%d %d" % (self.count, self.sum % _MODULUS)).hexdigest()

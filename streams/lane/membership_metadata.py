"""Under which membership of the consumer group a commit is made, as librdkafka wants to hear it."""

from typing import NamedTuple


class Membership(NamedTuple):
    """Taken when partitions are assigned: read after it has expired it would be -1 and empty, which a broker does not check."""

    group_id: str
    generation: int
    member_id: str
    instance_id: str | None

    def metadata(self) -> bytes:
        """What ``confluent_kafka.Consumer.consumer_group_metadata()`` of this member would be.

        The member is Faust's aiokafka consumer, so it is written here in librdkafka's form: a tag, the generation as a
        little-endian int32, then group, member and instance as zero-terminated text. ``tests/real/test_membership.py``
        asserts that a broker refuses a wrong generation in it and takes the right one.
        """
        instance = b"\x01" if self.instance_id is None else b"\x00" + self.instance_id.encode() + b"\x00"
        return (
            b"CGMDv2:"
            + self.generation.to_bytes(4, "little", signed=True)
            + self.group_id.encode()
            + b"\x00"
            + self.member_id.encode()
            + b"\x00"
            + instance
        )

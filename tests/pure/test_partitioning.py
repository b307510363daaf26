import pytest
from aiokafka.partitioner import DefaultPartitioner
from hypothesis import given
from hypothesis import strategies as st

from orchestration.partitioning import murmur2, partition_of


@given(st.binary(max_size=300), st.integers(1, 100))
def test_a_key_goes_where_kafkas_own_clients_put_it(key: bytes, partition_count: int) -> None:
    partitions = list(range(partition_count))
    assert partition_of(key, partition_count) == DefaultPartitioner()(key, partitions, partitions)


# The figures of Kafka's own UtilsTest.testMurmur2, there signed.
@pytest.mark.parametrize(
    ("key", "signed"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_murmur2_gives_the_figures_of_kafkas_own_test(key: bytes, signed: int) -> None:
    assert murmur2(key) == signed % 2**32

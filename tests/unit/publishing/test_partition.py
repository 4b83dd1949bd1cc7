"""A key goes where every other Kafka client would send it."""

from aiokafka.partitioner import DefaultPartitioner
from hypothesis import example, given
from hypothesis import strategies as st

from shared.publishing import partition_of


@given(st.binary(max_size=300), st.integers(1, 200))
@example(b"", 12)
@example(b"21", 1000)
def test_partitions_are_those_of_the_usual_clients(key: bytes, partitions: int) -> None:
    expected = DefaultPartitioner()(key, list(range(partitions)), [])
    assert partition_of(key, partitions) == expected


def test_figures_of_the_java_client() -> None:
    # Hashes of Kafka's own test (UtilsTest.testMurmur2).
    hashes = {
        b"21": -973932308,
        b"foobar": -790332482,
        b"a-little-bit-long-string": -985981536,
        b"a-little-bit-longer-string": -1486304829,
        b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    }
    for key, hash in hashes.items():
        assert partition_of(key, 1 << 31) == hash & 0x7FFFFFFF

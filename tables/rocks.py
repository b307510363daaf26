"""RocksDB, opened the way our rows need it: raw bytes, small caches, one folder per partition."""

from pathlib import Path

from rocksdict import BlockBasedOptions, Cache, DBCompressionType, Options, Rdict

BLOCK_CACHE_BYTES = 32 * 1024 * 1024
WRITE_BUFFER_BYTES = 16 * 1024 * 1024
"""The library's defaults, 2 GiB and 3 x 64 MiB, are per partition."""


def open_rocks(path: Path) -> Rdict:
    """Raises Exception with RocksDB's own text where the folder cannot be opened or its content is damaged."""
    options = Options(raw_mode=True)
    options.create_if_missing(True)
    options.set_write_buffer_size(WRITE_BUFFER_BYTES)
    options.set_max_write_buffer_number(2)
    options.set_compression_type(DBCompressionType.lz4())
    options.set_max_open_files(64)
    options.set_keep_log_file_num(2)
    options.set_max_background_jobs(2)
    table = BlockBasedOptions()
    table.set_block_cache(Cache(BLOCK_CACHE_BYTES))
    # Most look-ups are for corr_ids that are new: the filter answers these without touching a block.
    table.set_bloom_filter(10, False)
    table.set_cache_index_and_filter_blocks(True)
    options.set_block_based_table_factory(table)
    return Rdict(str(path), options)

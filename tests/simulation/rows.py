"""Rows as the codec reads them, each once: many look-ups, restores and checks meet the same bytes."""

from functools import lru_cache

from tables.codec import decode_row

known_row = lru_cache(4096)(decode_row)

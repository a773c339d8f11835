"""What the allocators do with memory that was freed: glibc's, and polars' own, which is jemalloc.

By default glibc's gives blocks of a megabyte back to the system at once, so that every next one is mapped and cleared
again: a third of the system's time while a mix is gathered, and a tenth of a conversion. polars' keeps all for ten
seconds, which is quick and takes half as much memory again.
"""

from __future__ import annotations

import ctypes
import os
from functools import cache

_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_KEPT = 64 << 20
_POLARS = "_RJEM_MALLOC_CONF"
"""Environment variable that polars' allocator reads when it is loaded."""


@cache
def keep_freed_blocks() -> None:
    """Keep freed blocks for the next ones, up to 64 MiB, for as long as this process runs."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # glibc
        for option in (_M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD):
            mallopt(option, _KEPT)


def give_back_at_once() -> None:
    """Have polars give freed memory back at once: for who asks for little memory, at a tenth more time.

    Of no effect once polars is loaded.
    """
    os.environ.setdefault(_POLARS, "dirty_decay_ms:0,muzzy_decay_ms:0")

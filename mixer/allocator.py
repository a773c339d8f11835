"""What glibc's allocator does with memory that was freed.

By default it gives blocks of a megabyte back to the system at once, so that every next one is mapped and cleared again:
a third of the system's time while a mix is gathered, and a tenth of a conversion.
"""

from __future__ import annotations

import ctypes
from functools import cache

_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_KEPT = 64 << 20


@cache
def keep_freed_blocks() -> None:
    """Keep freed blocks for the next ones, up to 64 MiB, for as long as this process runs."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # glibc
        for option in (_M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD):
            mallopt(option, _KEPT)

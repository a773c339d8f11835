"""The shingles of texts: runs of N words, as sorted 64-bit hashes, of which two sets can be compared exactly.

Words are hashed by blake2b, and a shingle by its words' hashes, so that neither libraries nor their versions change one.
Two unlike shingles are taken for one once in 2**64.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NGRAM = 3
"""Words in a row. Records are short: one word changed among 20 leaves 0.71 of the shingles of three, 0.52 of five."""
_ALONE = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
"""Chinese and Japanese characters: no blanks stand between their words, so each counts as one."""
_WORD = re.compile(rf"[{_ALONE}]|(?:[^\W{_ALONE}])+|[-+*/=<>^%]")
"""Letters and digits in a row, or an operator: punctuation is left out, but 2 + 2 is not 2 - 2."""


@dataclass(frozen=True)
class Shingles:
    """Sets of shingles; each is a stretch of `hashes`, sorted and without repeats."""

    hashes: NDArray[np.uint64]
    starts: NDArray[np.int64]
    sizes: NDArray[np.int64]
    """At least 1 each."""

    def of(self, rows: NDArray[np.int64]) -> Shingles:
        """Give some of the sets, without copying a hash."""
        return Shingles(self.hashes, self.starts[rows], self.sizes[rows])

    def set_of(self, row: int) -> NDArray[np.uint64]:
        """Give the hashes of one set."""
        return self.hashes[self.starts[row] : self.starts[row] + self.sizes[row]]


def words(turns: Sequence[tuple[str, str]]) -> list[str]:
    """Split the turns of a record, as `spoken` gives them, into words; each turn is led by its role.

    A turn without any word, such as one of signs, counts as one word.
    """
    told: list[str] = []
    for role, text in turns:
        told.append(f"\0{role}")  # no word holds a NUL
        told += _WORD.findall(text) or [f"\0{text}"]
    return told


def shingled(records: Sequence[Sequence[str]], ngram: int) -> Shingles:
    """Make the set of shingles of each record's words; fewer words than `ngram` are one shingle."""
    import numpy as np

    lengths = np.array([len(record) for record in records], np.int64)
    padded = np.maximum(lengths, ngram)
    starts = np.cumsum(padded) - padded
    flat = np.zeros(int(padded.sum()), np.uint64)
    flat[np.arange(len(flat)) - np.repeat(starts, padded) < np.repeat(lengths, padded)] = _hashes(records)
    formed = np.zeros(max(0, len(flat) - ngram + 1), np.uint64)
    for place in range(ngram):
        formed += flat[place : place + len(formed)] * np.uint64(_factor(place))
    formed = mixed(formed)
    sets = [np.unique(formed[at : at + size]) for at, size in zip(starts, padded - ngram + 1, strict=True)]
    sizes = np.array([len(each) for each in sets], np.int64)
    return joined(np.concatenate([*sets, np.zeros(0, np.uint64)]), sizes)


def joined(hashes: NDArray[np.uint64], sizes: NDArray[np.int64]) -> Shingles:
    """Tell sets that lie one right after the other by their sizes."""
    import numpy as np

    return Shingles(hashes, np.cumsum(sizes) - sizes, sizes)


def _hashes(records: Sequence[Sequence[str]]) -> NDArray[np.uint64]:
    """Hash the words of all records in turn, each distinct one once."""
    import numpy as np

    places: dict[str, int] = {}
    at = [places.setdefault(word, len(places)) for record in records for word in record]
    hashed = b"".join([blake2b(word.encode(), digest_size=8).digest() for word in places])
    return np.frombuffer(hashed, "<u8").astype(np.uint64)[np.array(at, np.int64)]


def mixed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Spread each bit over all (the finaliser of splitmix64, a bijection)."""
    import numpy as np

    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        numbers = (numbers ^ (numbers >> np.uint64(shift))) * np.uint64(factor)
    return numbers ^ (numbers >> np.uint64(31))


def _factor(place: int) -> int:
    """Give the odd number that a word's hash is multiplied with at a place of a shingle."""
    return int.from_bytes(blake2b(b"%d" % place, digest_size=8).digest(), "little") | 1

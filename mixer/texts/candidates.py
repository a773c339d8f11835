"""Pairs of records that may be alike, found without comparing every two: by MinHash, or without missing any.

Both give each pair of rows once, in pieces that are no longer than there are rows; how alike a pair really is has to be
looked at afterwards. Rows of different groups are paired only where hashes of 64 bits collide.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mixer.extras import need
from mixer.progress import Advance
from mixer.texts.shingles import Shingles, mixed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Rows = tuple[NDArray[np.int64], NDArray[np.int64]]
    """Pairs: rows, and the rows beside them."""

PERMUTATIONS = 128
SEED = 1
"""Of the permutations: fixed, so that all machines find the same candidates."""
RECALL = 0.99
"""Share of the pairs at the lowest threshold that the bands must find."""


@dataclass(frozen=True)
class Banding:
    """How a signature is cut: two records are candidates where all rows of any one band agree."""

    bands: int
    rows: int

    def missed(self, score: float) -> float:
        """Give the share of pairs of a Jaccard similarity that agree in no band, as is expected of MinHash."""
        return float((1 - score**self.rows) ** self.bands)


def banding(permutations: int, least: float) -> Banding:
    """Choose the longest bands, which give the fewest candidates, that find RECALL of the pairs at `least`."""
    fitting = (Banding(permutations // rows, rows) for rows in range(permutations, 0, -1))
    return next((each for each in fitting if 1 - each.missed(least) >= RECALL), Banding(permutations, 1))


def band_hashes(shingles: Shingles, permutations: int, cut: Banding) -> NDArray[np.uint64]:
    """Give the bands of each of some sets that lie one right after the other, a hash a band: sets x bands."""
    import numpy as np

    rensa = need("rensa", "text-dedup")
    offsets = np.concatenate([[0], np.cumsum(shingles.sizes)])
    matrix = rensa.RMinHash.digest_matrix_from_flat_token_hashes(shingles.hashes, offsets, permutations, SEED)
    whole = np.array(matrix.to_rows(), np.uint64).reshape(len(shingles.sizes), permutations)
    signatures = whole[:, : cut.bands * cut.rows].reshape(-1, cut.bands, cut.rows)
    hashes = np.zeros((len(shingles.sizes), cut.bands), np.uint64)
    for row in range(cut.rows):
        hashes = mixed(hashes ^ signatures[:, :, row])
    return hashes


def by_bands(bands: NDArray[np.uint64], groups: NDArray[np.uint64], advance: Advance) -> Iterator[Rows]:
    """Pair rows of a group that agree in a band."""
    for band in range(bands.shape[1]):
        for left, right in _alike(mixed(bands[:, band]) ^ groups):
            new = (bands[left, :band] != bands[right, :band]).all(axis=1)  # found in no band before
            yield left[new], right[new]
        advance(len(groups))


def by_prefixes(shingles: Shingles, groups: NDArray[np.uint64], least: float) -> Iterator[Rows]:
    """Pair rows of a group so that none at or above `least` is missed; takes 8 bytes of memory a pair.

    Sets whose Jaccard similarity is at least t share one of the first n - ceil(t n) + 1 of their n members, in whatever
    order, so long as it is one order for all. The rarest first gives the fewest candidates.
    """
    import numpy as np

    hashes = np.concatenate([shingles.set_of(row) for row in range(len(shingles.sizes))] or [np.zeros(0, np.uint64)])
    _, places, counts = np.unique(hashes, return_inverse=True, return_counts=True)
    ranks = np.empty(len(counts), np.uint64)
    ranks[np.argsort(counts, kind="stable")] = np.arange(len(counts), dtype=np.uint64)
    rows = np.repeat(np.arange(len(shingles.sizes)), shingles.sizes)
    chosen = ranks[places][np.lexsort((ranks[places], rows))]
    within = np.arange(len(rows)) - np.repeat(np.cumsum(shingles.sizes) - shingles.sizes, shingles.sizes)
    # A hair below the threshold: a rounding must not shorten a prefix.
    prefix = shingles.sizes - np.ceil(shingles.sizes * (least - 1e-9)).astype(np.int64) + 1
    first = within < prefix[rows]
    rows, chosen = rows[first], chosen[first]
    several = len(shingles.sizes)
    found = np.zeros(0, np.int64)
    waiting, count = [found], 0
    for left, right in _alike(mixed(chosen) ^ groups[rows]):  # a pair comes once for each member that they share
        one, other = rows[left], rows[right]
        waiting.append(np.minimum(one, other) * several + np.maximum(one, other))
        count += len(left)
        if count > len(found) + several:
            found = np.unique(np.concatenate([found, *waiting]))
            waiting, count = [], 0
    found = np.unique(np.concatenate([found, *waiting]))
    for start in range(0, len(found), max(1, several)):
        one, other = np.divmod(found[start : start + several], several)
        yield one, other


def _alike(values: NDArray[np.uint64]) -> Iterator[Rows]:
    """Pair the places of equal values, at most as many at a time as there are places."""
    import numpy as np

    order = np.argsort(values, kind="stable")
    sorted_ = values[order]
    ends = np.searchsorted(sorted_, sorted_, side="right")
    step = 1
    at = np.arange(len(values))
    while len(at := at[at + step < ends[at]]):
        yield order[at], order[at + step]
        step += 1

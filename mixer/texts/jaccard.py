"""How alike two sets of shingles are, exactly: what they share, divided by what either holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mixer.texts.shingles import Shingles

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def jaccard(shingles: Shingles, left: NDArray[np.int64], right: NDArray[np.int64], least: float) -> NDArray[np.float64]:
    """Give the similarity of each pair of sets; 0 for a pair whose sizes alone keep it below `least`."""
    import numpy as np

    sizes = shingles.sizes
    smaller, larger = np.minimum(sizes[left], sizes[right]), np.maximum(sizes[left], sizes[right])
    scores = np.zeros(len(left))
    possible = np.flatnonzero(smaller >= (least - 1e-9) * larger)
    for at in possible.tolist():
        both = np.concatenate([shingles.set_of(left[at]), shingles.set_of(right[at])])
        both.sort(kind="stable")  # two sorted runs are merged
        shared = int(np.count_nonzero(both[1:] == both[:-1]))
        scores[at] = shared / (len(both) - shared)
    return scores

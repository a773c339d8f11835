"""Reading by pieces that prove themselves, and by shorter ones where a piece fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from mixer.readers import Batch

LEAST = 16 << 10
"""The shortest piece tried before its records are judged singly: below it a try costs as much."""
SHRINK = 4


def batches(
    whole: Callable[[int, int], Batch | None], singly: Callable[[int, int], Batch], edge: int, stop: int, piece: int
) -> Iterator[Batch]:
    """Read from a true edge to the first one at or after `stop`.

    `whole(edge, length)` reads a piece of about that length or gives None, for a bad record or a false guess of its
    end. Then the next try is four times shorter, down to LEAST, where `singly(edge, stop)` judges each record; lengths
    grow again with each piece that is read. So one bad record costs about one more parse of its piece.
    """
    length, least = piece, min(piece, LEAST)
    suspect = 0  # a piece up to here failed, and its fault was not met yet: longer ones would fail, too
    while edge < stop:
        batch = whole(edge, length)
        if batch is None and length > least:
            suspect, length = edge + length, max(min(length, stop - edge) // SHRINK, least)
            continue
        if batch is None:
            batch, suspect = singly(edge, min(edge + length, stop)), 0
        elif batch.end >= suspect:
            length = min(length * SHRINK, piece)
        yield batch
        edge = batch.end

"""Images in the cells of a table, as the Hugging Face hub's datasets hold them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import msgspec

from mixer import embedded
from mixer.conversation import Labelled, Skip


class ImageCell(msgspec.Struct):
    """An image: the bytes of its file."""

    content: bytes = msgspec.field(name="bytes")

    def name(self, folder: str) -> str:
        """Name its file by its content below a folder of the media root. Raises ValueError where it is no image."""
        return embedded.name(folder, self.content)


def holding(cell: ImageCell, path: str, made: Iterable[Labelled | Skip]) -> Iterator[Labelled | Skip]:
    """Give each record the image that it names `path`."""
    for each in made:
        yield replace(each, embedded={path: cell.content}) if isinstance(each, Labelled) else each

"""Visual Genome's image_data.json, joined to records that know only an image's number."""

from __future__ import annotations

import msgspec

from mixer.readers import json_array
from mixer.sources import File, Lookup


class Image(msgspec.Struct):
    """An entry: `image_id` is called `id` in release 1.0, and only the url tells the image's folder."""

    url: str
    width: int
    height: int
    image_id: int | None = None
    id: int | None = None


class Place(msgspec.Struct):
    """Where an image lies under the media root, as LLaVA's mixes name it, and its size in pixels."""

    path: str
    width: int
    height: int

    @property
    def name(self) -> str:
        """Name the image as LLaVA's ids do: `VG_100K_2/713`."""
        return self.path.removeprefix("vg/").removesuffix(".jpg")

    @property
    def size(self) -> tuple[int, int]:
        """Give width and height."""
        return self.width, self.height


def lookup(*, match: str, field: str) -> Lookup:
    """Declare that `raw.<field>` is the Place of the image numbered `raw.<match>`."""
    return Lookup(File("image_data.json", json_array, Image), _key, _place, match, field, source="visual_genome")


def _key(entry: Image) -> int | None:
    return entry.id if entry.image_id is None else entry.image_id


def _place(entry: Image) -> Place:
    return Place("/".join(["vg", *entry.url.split("/")[-2:]]), entry.width, entry.height)

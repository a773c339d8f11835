"""One photo under several names: Visual Genome's image_data.json says which of its images are COCO's and Flickr's.

Without it, sets of Visual Genome cannot be checked against benchmarks on COCO, nor the reverse. About half of its
108,077 images are COCO's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from mixer.errors import DataError, MissingFile
from mixer.leaks.keys import key
from mixer.readers import PAST_ANY_END, Bad, json_array

_PIECE = 1 << 20


class Photo(msgspec.Struct, gc=False):
    """An entry: `image_id` is called `id` in release 1.0."""

    coco_id: int | msgspec.UnsetType | None = msgspec.UNSET
    flickr_id: int | msgspec.UnsetType | None = msgspec.UNSET
    image_id: int | None = None
    id: int | None = None

    def keys(self) -> tuple[str, ...]:
        """Name it in every way that is known."""
        number = self.id if self.image_id is None else self.image_id
        named = (("vg", number), ("coco", self.coco_id), ("flickr", self.flickr_id))
        return tuple(key(kind, f"{value}") for kind, value in named if isinstance(value, int))

    @property
    def tells(self) -> bool:
        """Say whether it has the members that other releases lack."""
        return self.coco_id is not msgspec.UNSET or self.flickr_id is not msgspec.UNSET


def read(path: Path) -> list[tuple[str, ...]]:
    """Read image_data.json: the keys of each photo that has several. Raises DataError."""
    if not path.is_file():
        raise MissingFile(f"{path}: no such file, which is named as Visual Genome's image_data.json")
    photos: list[Photo] = []
    stop = json_array.cut(path, PAST_ANY_END)
    for batch in json_array.read(path, json_array.cut(path, 0), stop, Photo, _PIECE):
        for photo in batch.items:
            if isinstance(photo, Bad):
                raise DataError(f"{path}: byte {photo.at}: {photo.reason}; is it Visual Genome's image_data.json?")
            photos.append(photo)
    if not any(photo.tells for photo in photos):
        raise DataError(f"{path}: no image has a `coco_id` or `flickr_id`; is it Visual Genome's image_data.json?")
    return [names for photo in photos if len(names := photo.keys()) > 1]


def expanded(wanted: Iterable[str], photos: Iterable[tuple[str, ...]]) -> Mapping[str, str]:
    """Map every name of the wanted photos to the one that was wanted; each of those stands for itself.

    Entries that share a name are one photo, however long the chain; where several names lead to one, the least stands.
    """
    by_name: dict[str, list[tuple[str, ...]]] = {}
    for photo in photos:
        for name in photo:
            by_name.setdefault(name, []).append(photo)
    names = {name: name for name in sorted(wanted)}
    for start in list(names):
        waiting = [start]
        while waiting:
            for photo in by_name.get(waiting.pop(), ()):
                new = [name for name in photo if name not in names]
                names.update(dict.fromkeys(new, start))
                waiting += new
    return names

"""Small copies of pictures, as text that a page can hold. Needs pillow; a page without it shows names."""

from __future__ import annotations

import base64
import io
import struct
import warnings
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mixer.errors import UsageError
from mixer.extras import need
from mixer.validate import path_fault

if TYPE_CHECKING:
    from PIL.Image import Image

SIDE = 256
"""Pixels, the longer side at most."""
_QUALITIES = (78, 55, 30, 10)
MOST_BYTES = 18_000
"""Of one copy, so that a page's size is bounded; pictures that do not fit are compressed harder."""
_FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF")
"""Pillow reads others by running other programs, or as formats that no dataset's picture has."""


_DAMAGE = (OSError, ValueError, TypeError, SyntaxError, EOFError, LookupError, OverflowError, struct.error, zlib.error)
"""What pillow raises of files that are not what they say."""


class Unseen(Exception):
    """Why a picture is not shown, in words for the page."""


@dataclass(frozen=True)
class Small:
    """A small copy of a picture: its `data:` address, and its size in pixels."""

    address: str
    width: int
    height: int


def missing_library() -> str | None:
    """Say what has to be installed for pictures, or None."""
    try:
        need("PIL.Image", "report")
    except UsageError as error:
        return str(error)
    return None


def find(roots: Sequence[Path], path: str) -> Path:
    """Give the file of a media path below the first root that has it. Raises Unseen."""
    fault = path_fault(path)
    if fault:
        raise Unseen(f"its path {fault}")
    for root in roots:
        if (root / path).is_file():
            return root / path
    raise Unseen("not in the media folder")


def small(file: Path) -> Small:
    """Give a small copy of a picture. Raises Unseen where it does not decode."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with file.open("rb") as content, Image.open(content, formats=_FORMATS) as opened:
                reduced = _reduced(opened)
    except (*_DAMAGE, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise Unseen(f"does not decode: {type(error).__name__}") from error
    return Small("data:image/jpeg;base64," + base64.b64encode(_encoded(reduced)).decode(), *reduced.size)


def _reduced(opened: Image) -> Image:
    """Decode a picture as it is stored, as trainers do: not turned by EXIF; what is transparent becomes white."""
    from PIL import Image

    opened.draft("RGB", (SIDE, SIDE))
    if opened.has_transparency_data:
        layered = opened.convert("RGBA")
        whole = Image.alpha_composite(Image.new("RGBA", layered.size, "white"), layered).convert("RGB")
    else:
        whole = opened.convert("RGB")
    whole.thumbnail((SIDE, SIDE))
    return whole


def _encoded(reduced: Image) -> bytes:
    tried = [_compressed(reduced, _QUALITIES[0])]
    while len(tried[-1]) > MOST_BYTES and len(tried) < len(_QUALITIES):
        tried.append(_compressed(reduced, _QUALITIES[len(tried)]))
    return tried[-1]


def _compressed(reduced: Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    reduced.save(buffer, "JPEG", quality=quality, optimize=True)
    return buffer.getvalue()

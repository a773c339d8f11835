"""What images are the same: by their bytes, and by how they look.

Both are kinds for `remembered.remember`: a finding a file, and no error for a bad one, whose `problem` says in words
what is wrong with it.

The perceptual hash, in full. The picture (of an animation: the first frame) is turned as its EXIF orientation says and
made grey (ITU-R 601-2 luma), what is transparent white, and brought to 32 x 32 pixels with Pillow's BILINEAR filter,
which averages over all that a pixel comes from; JPEGs are decoded at the smallest scale of at least 128 x 128. Of its
two-dimensional DCT-II, reckoned in whole numbers so that every machine gets the same, the 8 x 8 lowest frequencies are
taken without the first, which is only the brightness: bit 8 * row + column - 1 is set where the coefficient is above
the median of the 63. So 31 of the lower 63 bits are set, unless coefficients are equal. Where there is nothing to tell,
since no coefficient reaches a wave of one grey level, as in a picture of one colour, every other bit from 63 down to 17
is set instead, and the lowest bits, 0 to 16 of them, say how bright it is: flat pictures are near those about as
bright, and as far from all that show something as these are from one another.
"""

from __future__ import annotations

import math
import os
import warnings
from functools import lru_cache
from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING

from mixer.collection import Collection, Records
from mixer.errors import MixerError
from mixer.extras import need
from mixer.hashing import sha256_of
from mixer.locating import files
from mixer.remembered import Kind

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from PIL import Image

SIDE = 32
"""Pixels a side that a picture is brought to before its frequencies are looked at."""
LOWEST = 8
"""Frequencies a side that the hash is made of."""
FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF", "JPEG2000", "PPM", "ICO")
"""What a picture of a dataset may be. Pillow reads others too, PostScript among them, for which it runs Ghostscript."""
DECODED = 128
"""JPEGs are decoded at no less than this many pixels a side."""
FLAT = 0xAAAA_AAAA_AAAA_0000
"""What the hash of a picture without structure begins with; no other has bit 63."""
LEVELS = 16
"""Steps of brightness that flat pictures are told apart by."""
_SCALE = 1 << 12
"""Of the cosines as whole numbers: their products stay below 2**63."""


def missing(path: Path) -> str | None:
    """Say why a path is no file with content, or None."""
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return "missing"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    if not S_ISREG(status.st_mode):
        return "is no file"
    return None if status.st_size else "empty"


def find_content(path: Path) -> tuple[str | None, str | None]:
    """Give the sha256 of a file's bytes, and what is wrong; one of them is None."""
    problem = missing(path)
    if problem is not None:
        return None, problem
    try:
        return sha256_of(path), None
    except OSError as error:
        return None, f"cannot be read: {error.strerror}"


def find_perceptual(path: Path) -> tuple[int | None, str | None]:
    """Give the perceptual hash of an image, and what is wrong; one of them is None."""
    need("numpy", "dedup")
    need("PIL.Image", "dedup")
    problem = missing(path)
    if problem is not None:
        return None, problem
    try:
        return perceptual_hash(grey(path)), None
    except MixerError:  # of an object store: nothing is known of the image then
        raise
    except Exception as error:  # noqa: BLE001 - decoders of bad files raise whatever they stumble over
        return None, undecodable(error)


CONTENT = Kind("content-1", {"sha256": "String", "problem": "String"}, find_content)
PERCEPTUAL = Kind("perceptual-1", {"phash": "UInt64", "problem": "String"}, find_perceptual)


def undecodable(error: Exception) -> str:
    """Say why an image does not decode: in one line, without the path, which is told beside it."""
    told = first_line(error)
    known = not told.startswith("cannot identify image file")
    return f"does not decode: {told if known else 'no image format that is known'}"


def first_line(error: Exception) -> str:
    """Give the first line of what a library's error says."""
    return next(iter(str(error).splitlines()), "") or type(error).__name__


def decoded(path: Path, mode: str, least: int | None = None) -> Image.Image:
    """Decode an image (of an animation: the first frame) to 8 bits a channel, `mode` L or RGB; orientation as EXIF says.

    What is transparent is white. More than 8 bits a channel are stretched from the least value to the largest. `least`
    lets JPEGs come smaller, but no side below it. Raises whatever Pillow raises for a file that does not decode.
    """
    image_module = need("PIL.Image", "dedup")
    with warnings.catch_warnings():
        # Of odd metadata and of large pictures, both of which decode; too large ones are errors.
        warnings.simplefilter("ignore")
        with path.open("rb") as file, image_module.open(file, formats=_readable()) as image:
            if least is not None:
                image.draft(mode, (least, least))
            image.load()
            orientation = _orientation(image)
            plain = _eight_bits(image)
    if plain.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in plain.info:
        layer = plain.convert("RGBA")
        plain = image_module.new("RGBA", layer.size, "white")
        plain.alpha_composite(layer)
    plain = plain.convert(mode)
    return plain if orientation is None else plain.transpose(orientation)


@lru_cache(maxsize=1)
def _readable() -> list[str]:
    """List the formats that this Pillow knows: not every one is built with all."""
    from PIL import Image

    Image.init()
    return [name for name in FORMATS if name in Image.OPEN]


def _eight_bits(image: Image.Image) -> Image.Image:
    """Stretch a picture of more than 8 bits a channel, which converting would only clip; give any other as it is."""
    if image.mode[0] not in "IF":
        return image
    import numpy as np
    from PIL import Image

    values = np.asarray(image, dtype=np.float64)
    low, high = float(values.min()), float(values.max())
    if not math.isfinite(low) or not math.isfinite(high):
        raise ValueError("pixels that are no numbers")
    return Image.fromarray(((values - low) * (255 / max(high - low, 1e-300))).round().astype(np.uint8))


def _orientation(image: Image.Image) -> Image.Transpose | None:
    """Say how a picture must be turned; EXIF data that cannot be read turn nothing."""
    from PIL.Image import Transpose

    turned = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    try:
        return turned.get(image.getexif().get(0x0112, 1))
    except Exception:  # noqa: BLE001 - damaged metadata raise as many things as damaged pictures
        return None


def grey(path: Path) -> np.ndarray:
    """Give the (32, 32) grey levels, uint8, that an image's hash is made of. Raises as `decoded`."""
    import numpy as np
    from PIL.Image import Resampling

    return np.asarray(decoded(path, "L", DECODED).resize((SIDE, SIDE), Resampling.BILINEAR))


@lru_cache(maxsize=1)
def _cosines() -> np.ndarray:
    """Give the first rows of the DCT-II matrix, (8, 32) int64: cos(pi * row * (2 * column + 1) / 64) * 4096, rounded."""
    import numpy as np

    rows, columns = np.arange(LOWEST)[:, None], np.arange(SIDE)[None, :]
    scaled: np.ndarray = np.rint(np.cos(np.pi * rows * (2 * columns + 1) / (2 * SIDE)) * _SCALE)
    return scaled.astype(np.int64)


def perceptual_hash(levels: np.ndarray) -> int:
    """Hash (32, 32) grey levels of 0 to 255 to 64 bits; the algorithm is told above."""
    import numpy as np

    cosines = _cosines()
    waves = (cosines @ levels.astype(np.int64) @ cosines.T).ravel()[1:]
    # A wave of one grey level along one side adds 32 * 16 squared cosines of one.
    if int(np.abs(waves).max()) < SIDE * SIDE // 2 * _SCALE**2:
        bright = int(levels.astype(np.int64).sum()) * LEVELS // (SIDE * SIDE * 255)
        return FLAT | (1 << bright) - 1
    return int(np.packbits(waves > np.median(waves), bitorder="little").view("<u8")[0])


def distinct_images(collection: Collection) -> pl.DataFrame:
    """List the images that the leaves name: one row a leaf and image path, sorted by them.

    Columns: `image`, `folder` of the path, `leaf`, `records` (of the leaf that name it; UInt32) and `file`, where it
    lies (an absolute path, or a URL; null: in none of the media roots). Holds no more than the distinct paths and a million rows.
    """
    import polars as pl

    schema = {"image": pl.String, "folder": pl.String, "leaf": pl.String, "records": pl.UInt32, "file": pl.String}
    leaves = [_counted(records).with_columns(pl.lit(records.name).alias("leaf")) for records in collection.leaves]
    listed = [
        leaf.with_columns(
            pl.col("image").str.replace(r"/?[^/]*$", "").alias("folder"),
            pl.Series(
                "file", [file and os.fspath(file.absolute()) for file in files(leaf["image"], records.media)], pl.String
            ),
        ).select(list(schema))
        for records, leaf in zip(collection.leaves, leaves, strict=True)
    ]
    return pl.concat([pl.DataFrame(schema=schema), *listed]).sort("leaf", "image")


def _counted(records: Records) -> pl.DataFrame:
    """Count the records by image path; one that names an image twice is one."""
    import polars as pl

    total = pl.DataFrame(schema={"image": pl.String, "records": pl.UInt32})
    for frame in records.frames(["media", "images"]):
        images = frame.filter(pl.col("images") > 0).select(
            pl.col("media").list.head(pl.col("images")).list.unique().alias("image")
        )
        counted = images.explode("image").group_by("image").agg(pl.len().alias("records").cast(pl.UInt32))
        total = pl.concat([total, counted]).group_by("image").agg(pl.col("records").sum())
    return total

"""How many tokens a model sees of an image, by rules that look at its size.

    <store>/visual_tokens/<sha256>.parquet    image, tokens: of every image of a source by one rule, sorted by image

Each rule is one model's published code, down to its floating-point steps, so that the counts are the trainer's. Sizes
are as they are stored, not turned by EXIF, which is how those trainers open images.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from mixer import atomic
from mixer.columns import read_columns, write_frame
from mixer.errors import DataError, MissingFile, MixerError, UsageError, did_you_mean
from mixer.locating import files
from mixer.processes import Engine
from mixer.progress import Progress
from mixer.remembered import Kind, Values, remember
from mixer.store import Entry

if TYPE_CHECKING:
    import polars as pl

Rule = Callable[[int, int], int]
"""(width, height) in pixels -> tokens. Raises ValueError for an image that the model does not take."""

PIECE = 1 << 16
"""Records whose images are looked at at once, and images that are hashed at once."""

_TILE = 336
"""LLaVA-NeXT: pixels of a side of a tile, which is what CLIP ViT-L/14-336 looks at."""
_SIDE = 24
"""LLaVA-NeXT: patches along a side of a tile."""
_GRIDS = ((336, 672), (672, 336), (672, 672), (1008, 336), (336, 1008))
"""LLaVA-NeXT: widths and heights in pixels that an image may be laid out on, in the order that settles ties."""
_CELL = 28
"""Qwen2-VL: pixels of a side of what becomes one token: 2 x 2 patches of 14."""
_LEAST, _MOST = 4 * _CELL**2, 16384 * _CELL**2
"""Qwen2-VL: pixels of an image after resizing, as the released models are configured."""
_LONGEST = 200
"""Qwen2-VL: how many times its shorter side an image's longer one may be."""


def llava_next(width: int, height: int) -> int:
    """Count as LLaVA-1.6 (`anyres`, `spatial_unpad`): the whole image on one tile, then its tiles without padding.

    After each row of patches stands a newline's token. LLaVA's own code takes grids as (width, height), the port in
    transformers as (height, width): they differ for images that fit both a wide and a tall grid unscaled.
    """
    columns, rows = (side // _TILE * _SIDE for side in _best_grid(width, height))
    if width / height > columns / rows:
        rows -= (rows - int(height * (columns / width))) // 2 * 2
    else:
        columns -= (columns - int(width * (rows / height))) // 2 * 2
    return _SIDE**2 + rows * (columns + 1)


def _best_grid(width: int, height: int) -> tuple[int, int]:
    """Choose the grid that keeps the most pixels of an image; of those that keep as many, the smallest."""

    def rank(grid: tuple[int, int]) -> tuple[int, int]:
        scale = min(grid[0] / width, grid[1] / height)
        kept = min(int(width * scale) * int(height * scale), width * height)
        return kept, kept - grid[0] * grid[1]

    best = max(_GRIDS, key=rank)  # the first of equals
    if not rank(best)[0]:
        raise ValueError("is so narrow that nothing is left of it on any grid of llava_next")
    return best


def qwen2_vl(width: int, height: int) -> int:
    """Count as Qwen2-VL and 2.5-VL (`smart_resize` of qwen-vl-utils): one token for 28 x 28 pixels, 4 to 16,384 of them.

    The tokens that mark an image's begin and end are the template's.
    """
    if max(height, width) / min(height, width) > _LONGEST:
        raise ValueError(f"its sides are more than {_LONGEST} to 1, which qwen2_vl does not take")
    rows, columns = (max(1, round(side / _CELL)) for side in (height, width))
    if rows * columns * _CELL**2 > _MOST:
        beta = math.sqrt((height * width) / _MOST)
        rows, columns = (math.floor(side / beta / _CELL) for side in (height, width))
    elif rows * columns * _CELL**2 < _LEAST:
        beta = math.sqrt(_LEAST / (height * width))
        rows, columns = (math.ceil(side * beta / _CELL) for side in (height, width))
    return rows * columns


RULES = MappingProxyType({"llava_next": llava_next, "qwen2_vl": qwen2_vl})


def rule(name: str) -> Rule:
    """Give the rule of a name. Raises UsageError."""
    if name not in RULES:
        raise UsageError(
            f"tokens: image: unknown rule {name!r}{did_you_mean(name, RULES)}; "
            f"expected a number of tokens or one of {', '.join(RULES)}"
        )
    return RULES[name]


def _size(path: Path) -> Values:
    """Read width and height from an image's header."""
    import imagesize

    try:
        with path.open("rb") as file:
            width, height = imagesize.get(file, exif_rotation=False)
    except MixerError:  # of an object store: nothing is known of the image then
        raise
    except Exception as error:  # noqa: BLE001 - whatever a damaged header leads to is said of it
        return 0, 0, str(error) or type(error).__name__
    return (width, height, "") if width > 0 and height > 0 else (0, 0, "its header tells no size")


SIZE = Kind("size-1", {"width": "UInt32", "height": "UInt32", "problem": "String"}, _size)


def table(
    name: str,
    entry: Entry,
    media: Sequence[Path],
    store: Path,
    workers: Engine,
    progress: Progress,
    kept: Callable[[], pl.Series] | None = None,
) -> Path:
    """Make the table of the visual tokens of a source's images by a rule; give its file, named by what it says.

    `media` are the roots below which images lie, `store` the store's folder. An image that is not there, or that the
    rule cannot count, has null; `kept`, asked only then, says which records must be counted, one bit each (default:
    all), and MissingFile or DataError is raised for such an image of theirs.
    """
    import polars as pl

    counted = rule(name)
    images = _images(entry)
    found = list(files(images, media))
    sizes = remember(SIZE, [file for file in found if file], store, workers, progress, "sizes of images").iter_rows()
    tokens: list[int | None] = []
    problems: dict[str, str | None] = {}
    for path, file in zip(images, found, strict=True):
        try:
            tokens.append(_counted(counted, *next(sizes)) if file else None)
        except ValueError as error:
            tokens.append(None)
            problems[path] = f"{file}: {error}"
        if file is None:
            problems[path] = None
    if problems:
        _refuse(entry, problems, media, kept)
    frame = pl.DataFrame({"image": images, "tokens": pl.Series(tokens, dtype=pl.UInt32)})
    return _kept(frame, store / "visual_tokens")


def _counted(counted: Rule, width: int, height: int, problem: str) -> int:
    if problem:
        raise ValueError(problem)
    return counted(width, height)


def _images(entry: Entry, keep: pl.Series | None = None) -> pl.Series:
    """List the distinct images of a source, or of those of its records that are kept; sorted."""
    import polars as pl

    found, first = pl.Series("image", [], dtype=pl.String), 0
    for frame in entry.frames(["media", "images"], PIECE):
        mine = frame if keep is None else frame.filter(keep[first : first + frame.height])
        first += frame.height
        here = mine.select(pl.col("media").list.head(pl.col("images")).explode().drop_nulls().alias("image"))
        found = pl.concat([found, here["image"].unique()])
    return found.unique().sort()


def _refuse(
    entry: Entry,
    problems: Mapping[str, str | None],
    media: Sequence[Path],
    kept: Callable[[], pl.Series] | None,
) -> None:
    """Raise for images that records need and that cannot be counted; `problems` says why, None: it is missing."""
    asked = _images(entry, kept() if kept else None)
    bad = [path for path in asked if path in problems]
    missing = [path for path in bad if problems[path] is None]
    if missing:
        where = ", ".join(map(str, media)) or "no folder of media was named"
        raise MissingFile(
            f"{entry.ledger.source}: {len(missing):,} of {asked.len():,} images are missing, {missing[0]} first, whose "
            f"size its visual tokens hang on; looked in: {where}; name their root with --media, leave them out with "
            "`exclude`, or count a number an image"
        )
    if bad:
        raise DataError(f"{problems[bad[0]]}; repair it, leave it out with `exclude`, or count a number an image")


def _kept(frame: pl.DataFrame, folder: Path) -> Path:
    """Keep a table under the hash of its rows, since Parquet bytes depend on the version of polars."""
    import polars as pl

    told = hashlib.sha256()
    for rows in frame.iter_slices(PIECE):
        tokens = pl.col("tokens").cast(pl.String).fill_null("")
        joined: str = rows.select(pl.concat_str("image", tokens, separator="\0").str.join("\0")).item()
        told.update(joined.encode() + b"\0")
    path = folder / f"{told.hexdigest()}.parquet"
    if not path.exists():
        with atomic.working_folder(folder) as working:
            write_frame(frame, working / "table")
            atomic.move_file(working / "table", path)
    return path


def lookup(path: Path) -> Callable[[Sequence[list[str]]], list[int | None]]:
    """Give the call that sums the visual tokens of some records' images, by a table; None where one has no count."""
    import polars as pl

    known = read_columns(path, ["image", "tokens"])

    def summed(images: Sequence[list[str]]) -> list[int | None]:
        asked = pl.Series(sorted({image for paths in images for image in paths}), dtype=pl.String)
        here = dict(known.filter(pl.col("image").is_in(asked.implode())).iter_rows())
        counts = ([here[image] for image in paths] for paths in images)
        return [None if None in each else sum(each) for each in counts]

    return summed

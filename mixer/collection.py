"""The conversations of a recipe, a source or a mix, leaf by leaf: what the commands that look into them go through.

Of a mix each record comes once, however often it is shown. Of a recipe they are those that are left after its pool
rules; amounts have not been taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from mixer import catalogue, manifest, plans, sources
from mixer.data_files import Lines
from mixer.errors import UsageError
from mixer.pools import PIECE
from mixer.processes import Engine
from mixer.progress import Progress, silent
from mixer.recipe import load_recipe
from mixer.resolved import NO_CURATION, Curation, Output
from mixer.roots import data_root, find_recipe, media_root
from mixer.store import Entry

if TYPE_CHECKING:
    import polars as pl


class Records(Protocol):
    """The conversations of one leaf of a mix or recipe, or of one source."""

    @property
    def name(self) -> str:
        """The leaf's name; a source's."""
        ...

    @property
    def source(self) -> str:
        """The source's name."""
        ...

    @property
    def media(self) -> Sequence[Path]:
        """Media roots, the one of media that came inside of annotations first."""
        ...

    def __len__(self) -> int:
        """Count the conversations."""
        ...

    def frames(self, columns: list[str]) -> Iterator[pl.DataFrame]:
        """Read index columns, about a million rows at a time.

        They are id, key, digest, media (images first, then videos, then audios), images, videos, audios (how many),
        turns (messages) and characters.
        """
        ...

    def lines(self) -> Iterator[bytes]:
        """Go through the conversations as canonical JSON without newline, in the same order."""
        ...


@dataclass(frozen=True)
class Collection:
    """What a command looks into."""

    name: str
    kind: Literal["recipe", "source", "mix"]
    leaves: tuple[Records, ...]
    curation: Curation = NO_CURATION
    """What a recipe says of its whole mix; nothing of it has been applied."""


def find(
    given: str,
    *,
    options: Sequence[str] = (),
    path: Path | None = None,
    data: str | Path | None = None,
    media: Path | None = None,
    cache: Path | None = None,
    workers: int | Engine = 1,
    progress: Progress = silent,
    told: Callable[[str], None] = lambda _line: None,
) -> Collection:
    """Find what a command names: the folder of a mix, a source, or a recipe (its file, or the name of a shipped one).

    `options` (`key=value`) and `path` are a source's. What a recipe says of licences, leaks and duplicates is not
    applied: the files it names for that may not be made yet. Raises as `plan`, and UsageError for what is none of these.
    """
    settings = {"data": data, "media": media, "cache": cache, "workers": workers, "progress": progress, "told": told}
    if (Path(given) / manifest.NAME).is_file():
        return _mix(Path(given), media)
    if given in sources.names() and not Path(given).is_file():
        entry = catalogue.convert(given, options, path, **settings)  # type: ignore[arg-type]
        root = data_root(set() if sources.get(given).own_path else {given}, data, media)
        return Collection(given, "source", (_Converted(given, entry, None, _roots(entry.media, root.media)),))
    if options or path:
        raise UsageError(f"{given}: is no source, so it takes no options and no --path; see `mixer sources`")
    file = find_recipe(given)
    if not file.is_file():
        raise UsageError(f"{given}: is no recipe, no source and no folder of a mix; see `mixer sources`")
    recipe = load_recipe(file)
    outputs = tuple(output for output in recipe.outputs if output.inexpressible == "drop") or (Output("jsonl"),)
    root, pools = plans.pools_of(replace(recipe, curation=NO_CURATION, outputs=outputs), **settings)  # type: ignore[arg-type]
    leaves = (_Converted(pool.leaf.name, pool.entry, pool.keep, _roots(pool.entry.media, root.media)) for pool in pools)
    return Collection(recipe.name, "recipe", tuple(leaves), recipe.curation)


def _roots(own: Path, media: Path | None) -> tuple[Path, ...]:
    return tuple(path for path in (own, media) if path is not None and path.is_dir())


@dataclass(frozen=True)
class _Converted:
    """Records of the store."""

    name: str
    entry: Entry
    keep: pl.Series | None
    """Which of them; None: all."""
    media: tuple[Path, ...]

    @property
    def source(self) -> str:
        return self.entry.ledger.source

    def __len__(self) -> int:
        return self.entry.ledger.made if self.keep is None else int(self.keep.sum())

    def frames(self, columns: list[str]) -> Iterator[pl.DataFrame]:
        first = 0
        for frame in self.entry.frames(columns, PIECE):
            yield frame if self.keep is None else frame.filter(self.keep[first : first + frame.height])
            first += frame.height

    def lines(self) -> Iterator[bytes]:
        first = 0
        for part in self.entry.ledger.parts:
            wanted = None if self.keep is None else self.keep[first : first + part.records].to_list()
            first += part.records
            with self.entry.data(part).open("rb") as lines:
                for number, line in enumerate(lines):
                    if wanted is None or wanted[number]:
                        yield line[:-1]


def _mix(folder: Path, media: Path | None) -> Collection:
    known = manifest.load_sealed(folder)
    roots = _roots(folder / manifest.MEDIA, media_root(media))
    leaves = (_Mixed(name, leaf.source, folder, known, roots) for name, leaf in known.sources.items())
    return Collection(known.name, "mix", tuple(leaves))


@dataclass(frozen=True)
class _Mixed:
    """Records of a mix."""

    name: str
    source: str
    folder: Path
    manifest: manifest.Manifest
    media: tuple[Path, ...]

    def __len__(self) -> int:
        return sum(frame.height for frame in self.frames(["key"]))

    def frames(self, columns: list[str]) -> Iterator[pl.DataFrame]:
        import polars as pl

        wanted = list(dict.fromkeys([*columns, "leaf", "key", "id"]))
        mine = manifest.read_index(self.folder, wanted).filter(pl.col("leaf") == self.name)
        # A record's key is its own, but for one pair in 2**64.
        yield mine.unique(["key", "id"], keep="first", maintain_order=True).select(columns)

    def lines(self) -> Iterator[bytes]:
        (places,) = self.frames(["shard", "offset", "length"])
        with Lines(self.folder, self.manifest) as lines:
            for rows in places.iter_slices(manifest.SLICE):
                for row in rows.iter_rows():
                    yield lines.at(*row)

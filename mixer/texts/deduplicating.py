"""Finds the records of a collection that say nearly the same, and says which of them stay.

Records whose compared part is equal are one node; pairs are looked for among nodes. Numbers and names depend on the
records alone, not on their order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from mixer.collection import Collection
from mixer.errors import UsageError
from mixer.extras import need
from mixer.near import near_file
from mixer.near.comparing import compare
from mixer.near.near_file import About, Method
from mixer.near.pairs import MOST_PAIRS, CopiesOnly, Search
from mixer.near.results import Results
from mixer.processes import Workers
from mixer.progress import Advance, Progress
from mixer.texts import reading, vectors
from mixer.texts.candidates import PERMUTATIONS, Banding, banding, by_bands, by_prefixes
from mixer.texts.comparing import ByShingles, ByVectors
from mixer.texts.reading import Way, group_of
from mixer.texts.shingles import NGRAM

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from mixer.embedding.brought import Vectors
    from mixer.texts.candidates import Rows

By = Literal["exact", "minhash", "embeddings"]
METHODS: Mapping[By, Method] = MappingProxyType({"exact": "exact", "minhash": "minhash", "embeddings": "cosine"})
THRESHOLDS = (0.8, 0.85, 0.9)
COPY = (1.0,)
"""The one threshold of exact copies."""
SCRATCH = "texts"
"""Folder of the store for what is looked at while a comparison runs."""


@dataclass(frozen=True)
class Asked:
    """How records are compared."""

    by: By = "minhash"
    thresholds: tuple[float, ...] = THRESHOLDS
    within: bool = True
    """Only records of the same source are compared."""
    media: bool = True
    """Only records of the same media, by base names, are alike."""
    informative: bool = False
    """Without requests for the form of an answer."""
    ngram: int = NGRAM
    """For minhash: words to a shingle."""
    permutations: int = PERMUTATIONS
    """For minhash: of the signature."""
    exhaustive: bool = False
    """For minhash: look at all pairs that may reach the lowest threshold, without signatures."""
    most: int = MOST_PAIRS
    """Pairs that are held."""

    @property
    def least(self) -> float:
        """Give the lowest threshold."""
        return min(self.thresholds)

    @property
    def cut(self) -> Banding | None:
        """Say how signatures are cut; None: there are none."""
        return banding(self.permutations, self.least) if self.by == "minhash" and not self.exhaustive else None


def asked(
    by: By | None,
    embeddings: Path | None,
    names: Path | None,
    thresholds: Sequence[float],
    *,
    within: bool,
    media: bool,
    informative: bool,
    ngram: int | None,
    permutations: int | None,
    exhaustive: bool,
    most: int | None,
) -> Asked:
    """Check what is asked; nothing said is the default. Raises UsageError."""
    by = by or ("minhash" if embeddings is None else "embeddings")
    wrong = [each for each in thresholds if not 0 < each <= 1]
    if wrong:
        raise UsageError(f"--threshold {wrong[0]:g}: expected a number above 0, at most 1")
    if by == "embeddings" and embeddings is None:
        raise UsageError("--by embeddings: needs --embeddings PATH, a vector for each record")
    if by != "embeddings" and embeddings is not None:
        raise UsageError(f"--by {by}: looks at no embeddings; leave out --embeddings or --by")
    if names is not None and embeddings is None:
        raise UsageError("--names: says whose embeddings the rows of a .npy are, so it goes with --embeddings")
    if by == "embeddings" and informative:
        raise UsageError("--informative: embeddings are compared as they are; embed the informative parts instead")
    if by == "exact" and set(thresholds) - set(COPY):
        raise UsageError("--threshold: goes with minhash and embeddings; exact copies are alike by 1")
    for_minhash = {"--ngram": ngram, "--permutations": permutations, "--exhaustive": exhaustive or None}
    extra = [option for option, value in for_minhash.items() if value is not None]
    if by != "minhash" and extra:
        raise UsageError(f"{extra[0]}: goes with --by minhash")
    if exhaustive and permutations is not None:
        raise UsageError("--permutations: are those of MinHash, which --exhaustive does without")
    chosen = COPY if by == "exact" else tuple(sorted(set(thresholds or THRESHOLDS)))
    return Asked(
        by,
        chosen,
        within,
        media,
        informative,
        ngram or NGRAM,
        permutations or PERMUTATIONS,
        exhaustive,
        most or MOST_PAIRS,
    )


@dataclass(frozen=True)
class _Nodes:
    """What is compared."""

    items: pl.DataFrame
    """item, content, folder, node; sorted by item."""
    first: NDArray[np.int64]
    """The row, as records were read, of each node's first item."""
    groups: NDArray[np.uint64]
    """Nodes of different groups are not alike."""


def dedup(
    collection: Collection,
    asked: Asked,
    brought: Vectors | None,
    scratch: Path,
    workers: Workers,
    progress: Progress,
) -> Results:
    """Compare all records; `brought` holds their embeddings, and `scratch` is an empty folder for what memory need not hold.

    Raises UsageError for a missing extra, and DataError where records have no embedding or where too many are alike.
    """
    need("numpy", "dedup" if asked.by != "minhash" else "text-dedup")
    if asked.by == "embeddings":
        assert brought is not None, "embeddings are compared by embeddings"
        rows = vectors.placed(collection, brought, media=asked.media)
        nodes = _nodes(rows, within=asked.within)
        places = rows["place"].to_numpy()[nodes.first]
        search: Search = ByVectors(brought.matrix, places.astype("int64"), nodes.groups, asked.most)
    else:
        shingles = asked.by == "minhash"
        way = Way(asked.informative, asked.media, shingles, asked.ngram, asked.permutations, asked.cut)
        read = reading.read(collection, way, scratch, workers, progress)
        rows, nodes = read.rows, _nodes(read.rows, within=asked.within)
        search = _by_shingles(read, nodes, asked) if shingles else CopiesOnly(len(nodes.first))
    compared = compare(search, asked.thresholds, asked.most, progress)
    records = dict(rows["folder"].value_counts().iter_rows())
    about = About("text", METHODS[asked.by], compared.least, asked.within, _settings(asked, brought))
    more = {"copies": nodes.items.height - len(nodes.first), "missed": missed(asked)}
    return Results(about, nodes.items, compared, _no_problems(), records, "source", "text", more)


def _no_problems() -> pl.DataFrame:
    """Every record can be compared."""
    import polars as pl

    return pl.DataFrame(schema=dict.fromkeys(("item", "folder", "problem"), pl.String))


def _nodes(rows: pl.DataFrame, *, within: bool) -> _Nodes:
    import polars as pl

    items = near_file.with_nodes(rows.select("item", "content", "folder"), within=within)
    first = items.unique("node", keep="first", maintain_order=True).sort("node").select("item", "folder")
    at = first.join(rows.select("item", "group").with_row_index("row"), on="item", how="left", maintain_order="left")
    groups = at["group"].to_numpy()
    if within:
        sources = {name: group_of(name.encode()) for name in at["folder"].unique().to_list()}
        groups = groups ^ at["folder"].replace_strict(sources, return_dtype=pl.UInt64).to_numpy()
    return _Nodes(items, at["row"].to_numpy().astype("int64"), groups)


def _by_shingles(read: reading.Read, nodes: _Nodes, asked: Asked) -> ByShingles:
    assert read.shingles is not None, "shingles were asked for"
    shingles = read.shingles.of(nodes.first)
    bands = None if read.bands is None else read.bands[nodes.first]

    def propose(least: float, advance: Advance) -> Iterator[Rows]:
        if bands is None:
            return by_prefixes(shingles, nodes.groups, least)
        return by_bands(bands, nodes.groups, advance)

    return ByShingles(shingles, nodes.groups, propose, 0 if bands is None else bands.size, asked.most)


def _settings(asked: Asked, brought: Vectors | None) -> dict[str, Any]:
    """Say for the file what records were compared by."""
    settings: dict[str, Any] = {"media": asked.media}
    if brought is not None:
        return settings | {"embeddings": dict(brought.model or {})}
    settings["informative"] = asked.informative
    if asked.by == "minhash":
        settings |= {"ngram": asked.ngram, "exhaustive": asked.exhaustive}
    if asked.cut is not None:
        version = need("rensa", "text-dedup").RMinHash.ALGORITHM_VERSION
        settings |= {"permutations": asked.permutations, **asdict(asked.cut), "rensa_algorithm": version}
    return settings


def missed(asked: Asked) -> dict[str, float]:
    """Say by threshold which share of the pairs that are exactly so alike is expected to be missed; of others it is less."""
    cut = asked.cut
    return {} if cut is None else {f"{each:g}": cut.missed(each) for each in sorted(asked.thresholds)}

"""The manifest of a mix: what is in it, where it came from, and how to check both.

It holds no clock, no host name and no absolute path, so equal mixes have equal manifests. It is written last: a folder
with a manifest is a whole mix.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mixer import embedded
from mixer.columns import read_columns
from mixer.errors import IntegrityError, UsageError
from mixer.hashing import sha256_of

if TYPE_CHECKING:
    import polars as pl

NAME = "manifest.json"
INDEX = "index.parquet"
MEDIA = embedded.FOLDER
REMOVED = "removed.jsonl"
CROISSANT = "croissant.json"
CURATED = ("exclude", "leak", "dedup_images", "dedup_text")
"""Steps whose losses `removed.jsonl` lists one by one."""
INDEX_COLUMNS = (
    "leaf", "source", "id", "digest", "key", "subset", "pass", "media", "images", "videos", "audios", "turns",
    "characters", "literal_tokens", "separators", "tokens", "target_tokens", "shard",
    "offset",
    "length",
)  # fmt: skip
"""Of the index, one row a record in mix order; offset and length are bytes in a file of the first output, its shard."""
_INDEX_TYPES = {
    **dict.fromkeys(("leaf", "source", "id"), "String"),
    "digest": "Binary",
    "media": "List(String)",
    **dict.fromkeys(("literal_tokens", "separators"), "Boolean"),
    **dict.fromkeys(("pass", "images", "videos", "audios", "turns", "characters", "shard", "length"), "UInt32"),
    **dict.fromkeys(("key", "offset"), "UInt64"),
}
"""polars' names of the types of the columns that are read again; none of them may be null."""
SLICE = 1 << 16
"""Rows handled at once, so that memory stays flat."""

BareName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="a file of the mix's folder")]
FilePath = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*(/[.]?[A-Za-z0-9][A-Za-z0-9._-]*)*$", description="below the mix's folder"
    ),
]
Count = Annotated[int, Field(ge=0)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class InputFile(_Model):
    """A raw file that a leaf was converted from."""

    path: str = Field(description="published path; a user's own file: its base name")
    size: Count = Field(description="bytes")
    sha256: str


class MatchReport(_Model):
    """What a leaf's `except` or `only` compared it with."""

    rule: Literal["except", "only"]
    source: str
    by: str
    options: dict[str, Any]
    files: list[InputFile]
    converter: str
    matched: Count = Field(description="its records that the leaf holds")
    removed: Count = Field(description="records of the leaf that it takes out")


class LeafReport(_Model):
    """One leaf: read = used + skipped + bad; made = pool + losses."""

    source: str
    licence: str
    homepage: str
    converter: str = Field(description="hash of the code that converted it")
    options: dict[str, Any]
    files: list[InputFile]
    read: Count = Field(description="raw items read")
    used: Count = Field(description="raw items that gave a conversation")
    skipped: dict[str, Count] = Field(description="raw items that their converter expects to lose, by reason")
    bad: dict[str, Count] = Field(description="raw items that do not decode or validate, by reason")
    made: Count = Field(description="conversations")
    losses: dict[str, Count] = Field(description="conversations that a pool rule took out, by step")
    compared: list[MatchReport] = Field(description="what `except` and `only` compared it with")
    pool: Count = Field(description="conversations left to choose from")
    ideal: float = Field(description="amount before rounding, in the mix's unit")
    ideal_exact: str = Field(description="the same as a fraction")
    count: Count = Field(description="records in the mix")
    mass: Count = Field(description="the same in the mix's unit")
    epochs: float = Field(description="count / pool")
    share: float = Field(description="count / records of the mix")
    min_times: Count = Field(description="how often the least shown conversation is in the mix, of those before caps")
    max_times: Count = Field(description="how often the most shown one is")
    terms: list[str] = Field(description="the licence as a gate reads it: all that must be accepted")
    excluded: dict[str, Count] = Field(description="records that lists of `exclude` speak against, by list")
    leaks: dict[str, Count] = Field(description="records that leak a benchmark, by benchmark; one may leak several")
    tokens: Count | None = Field(description="tokens in the mix; null: not counted")
    target_tokens: Count | None = Field(description="tokens of the answers in the mix; null: not counted")
    notes: list[str] = Field(description="what a reader should know of its source and its pool rules")


class OutputFile(_Model):
    """A file of a target. Those of the first target hold the records as the index says, shard by shard."""

    path: FilePath
    target: str
    records: Count
    bytes: Count
    sha256: str


class IndexFile(_Model):
    """A file of ours: the mix's index, whose bytes depend on the version of polars, or its description."""

    path: BareName
    bytes: Count
    sha256: str


class MediaFolder(_Model):
    """Media that raw records held, each named by its sha256."""

    path: BareName
    files: Count
    bytes: Count


class CurationInput(_Model):
    """A file that the recipe's gates, lists, near-duplicates or tokens were read from."""

    role: str
    path: str = Field(description="base name")
    size: Count = Field(description="bytes; of a folder those of its files")
    sha256: str = Field(description="of a folder: over the names and hashes of its files")


class Removed(_Model):
    """The list of every record that curation took out, with the reason."""

    path: BareName
    records: Count
    bytes: Count
    sha256: str


class Manifest(_Model):
    """The whole manifest."""

    mixer: Literal[1] = Field(description="version of the recipe language and of this layout")
    version: str = Field(description="version of mixer that wrote it")
    name: str
    mix_id: str = Field(description="sha256 over leaf, key and pass of every record in order")
    seed: int
    unit: str
    size: int | None
    order: str
    data: Literal["given", "miniatures"]
    records: Count
    recipe: dict[str, Any] = Field(description="the recipe as resolved")
    recipe_sha256: str
    sources: dict[str, LeafReport]
    licences: dict[str, dict[str, Count]] = Field(
        default={}, description="term of a licence -> of how many leaves and records it is"
    )
    outputs: list[OutputFile]
    index: IndexFile
    curation: list[CurationInput] = Field(default=[], description="files behind gates, lists, near-duplicates, tokens")
    removed: Removed | None = Field(default=None, description="what these took out; null: none of them is used")
    croissant: IndexFile | None = Field(default=None, description="the mix described for machines; null: not asked for")
    media: MediaFolder | None = Field(default=None, description="media that came with the annotations; null: none")
    seal: str = Field(description="sha256 over all of the above: an edited manifest is found")


def sha256_json(value: object) -> str:
    """Hash a JSON value by its canonical bytes: compact, keys sorted."""
    return hashlib.sha256(msgspec.json.encode(value, order="sorted")).hexdigest()


def sealed(values: dict[str, Any]) -> Manifest:
    """Make a manifest of its values, adding the seal."""
    manifest = Manifest(**values, seal="")
    return manifest.model_copy(update={"seal": _seal(manifest)})


def _seal(manifest: Manifest) -> str:
    return sha256_json(manifest.model_dump(mode="json", exclude={"seal"}))


def encode(manifest: Manifest) -> bytes:
    """Give the bytes of manifest.json."""
    return msgspec.json.format(msgspec.json.encode(manifest.model_dump(mode="json")), indent=2) + b"\n"


def load(mix: Path) -> Manifest:
    """Read the manifest of a mix folder. Raises UsageError when there is none, IntegrityError when it is damaged."""
    path = mix / NAME
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise UsageError(f"{mix}: is not a mix: it has no {NAME}; name a folder that `mixer build` wrote") from None
    except NotADirectoryError:
        raise UsageError(f"{mix}: is a file; name the folder of a mix") from None
    return parsed(content, path)


def parsed(content: bytes, path: Path) -> Manifest:
    """Read a manifest's content; `path` is where it was. Raises IntegrityError when it is damaged."""
    try:
        return Manifest.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"])
        raise IntegrityError(f"{path}: ${where}: {first['msg']}; the manifest was edited or damaged") from error


def seal_problem(manifest: Manifest, path: Path) -> str | None:
    """Say that a manifest is not as it was written, or None."""
    expected, got = manifest.seal, _seal(manifest)
    if expected == got:
        return None
    return f"{path}: the manifest was edited: expected seal {expected}, got {got}"


def load_sealed(mix: Path) -> Manifest:
    """Read the manifest of a mix that nobody edited, with the index it names. Raises as `load`."""
    manifest = load(mix)
    problem = seal_problem(manifest, mix / NAME)
    if problem:
        raise IntegrityError(problem)
    index = mix / INDEX
    got = described(index) if index.is_file() else None
    if got != manifest.index:
        raise IntegrityError(f"{index}: is not the index that the manifest names; see `mixer verify {mix}`")
    return manifest


def described(index: Path) -> IndexFile:
    """Describe the index file of a mix as its manifest does."""
    return IndexFile(path=index.name, bytes=index.stat().st_size, sha256=sha256_of(index))


def foreign(target: Path) -> str | None:
    """Say why a folder is not a mix that a build may replace, or None: it holds a mix and nothing else."""
    if not (target / NAME).is_file():
        return f"is not a mix of ours (it has no {NAME}) and is not empty"
    try:
        manifest = load(target)
    except IntegrityError:
        return f"holds a {NAME} that mixer did not write"
    ours = {NAME, INDEX, MEDIA, REMOVED, CROISSANT, *(output.path.split("/")[0] for output in manifest.outputs)}
    others = sorted(path.name for path in target.iterdir() if path.name not in ours)
    return f"holds files that are not of the mix: {', '.join(others[:3])}" if others else None


def read_index(mix: Path, columns: list[str]) -> pl.DataFrame:
    """Read columns of a mix's index. Raises IntegrityError when they are not as a build writes them."""
    path = mix / INDEX
    frame = read_columns(path, columns)
    for name in columns:
        got = str(frame.schema[name])
        if got != _INDEX_TYPES[name]:
            raise IntegrityError(f"{path}: column {name}: expected type {_INDEX_TYPES[name]}, got {got}")
        if frame[name].null_count():
            raise IntegrityError(f"{path}: column {name}: {frame[name].null_count():,} values are missing")
    return frame


class MixId:
    """The hash of a mix's identity: leaf, key and pass of every record in order, taken rows at a time.

    A record's key is the hash of its id and content. Hashing those again would take as long as all the rest of making
    an index, since they lie scattered in memory.
    """

    def __init__(self) -> None:
        self._columns = {name: hashlib.sha256() for name in ("leaf", "key", "pass")}

    def add(self, rows: pl.DataFrame) -> None:
        """Add the next rows; how many at a time changes nothing."""
        import polars as pl

        for name, column in self._columns.items():  # no leaf's name holds a newline
            joined: str = rows.select(pl.col(name).cast(pl.String).str.join("\n")).item()
            column.update(joined.encode() + b"\n")

    def hexdigest(self) -> str:
        """Give the hash of all columns together."""
        return hashlib.sha256(b"".join(column.digest() for column in self._columns.values())).hexdigest()

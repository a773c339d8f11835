"""`exclude`: the records that lists speak against, such as repair lists and lists of what is known to be broken.

A list is one of
- a repair list (see repairs.py): its entries of `drop`; those of other repairs are for `mixer repair` to run,
- JSON Lines with `media`, or else `id`, or else `image`, `video` or `audio` (a path or a list of them),
- a plain text with a media path or a record's id on each line.
Its name tells JSON Lines by their ending, else its first line does. In the lists that ship with mixer `*` stands for any text; in all others it is a character.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from mixer.auditing import known
from mixer.derived import Derived
from mixer.errors import DataError, MissingFile, did_you_mean
from mixer.ruling import Ruling

if TYPE_CHECKING:
    import polars as pl

LISTED = "listed"
"""Why a record goes that a list names without a finding."""
KNOWN = "known to be bad"
"""The same of a list that ships with mixer."""
JSON = (".jsonl", ".ndjson")
_MEDIA = ("image", "video", "audio")
_BOM = b"\xef\xbb\xbf"
_OBJECT = re.compile(rb'\{\s*["}]')
"""How a JSON object begins: a path may begin with a brace."""


def find(given: Path) -> Path:
    """Give the file of a list: the path as given, else the list of that name that ships with mixer.

    Raises MissingFile.
    """
    if given.is_file():
        return given
    if given.name in known.names():
        return known.path(given.name)
    raise MissingFile(f"{given}: no such list{did_you_mean(given.name, known.names())}")


def rule(files: Sequence[Path]) -> Excluding:
    """Read lists. Raises MissingFile, or DataError with the line that cannot be used."""
    found = [find(path) for path in files]
    names = [path.stem if path.parent == known.FOLDER else path.name for path in found]
    return Excluding(tuple(_load(path, _unlike(names, at)) for at, path in enumerate(found)))


def _unlike(names: list[str], at: int) -> str:
    """Tell lists of the same name apart."""
    before = names[:at].count(names[at])
    return f"{names[at]} ({before + 1})" if before else names[at]


@dataclass(frozen=True)
class _List:
    """A list, ready to be held against records."""

    name: str
    media: pl.DataFrame
    """path, finding: each path once."""
    patterns: tuple[tuple[str, str], ...]
    """Regular expression for whole paths, finding."""
    ids: pl.DataFrame
    """id, finding: each id once."""


@dataclass(frozen=True)
class Excluding:
    """The rule behind `exclude`, see ruling.py; the reason is `exclude LIST: FINDING`, by the first list that says so."""

    lists: tuple[_List, ...]

    @property
    def columns(self) -> frozenset[str]:
        """Name the index columns it looks at."""
        return frozenset({"id", "media"})

    @property
    def derived(self) -> tuple[Derived, ...]:
        """It needs no derived columns."""
        return ()

    def judge(self, frame: pl.DataFrame, source: str, media: Sequence[Path]) -> Ruling:  # noqa: ARG002 - of all sources
        """Judge records; counts are by list, 0 for one that names none of them."""
        import polars as pl

        rows = frame.select("id", "media").with_row_index("row")
        having = rows.filter(pl.col("media").list.len() > 0).select("row", pl.col("media").alias("path"))
        uses = having.explode("path")
        counts, why = {}, pl.Series("why", [None], dtype=pl.String).new_from_index(0, frame.height)
        for each in self.lists:
            hit = _hits(each, rows, uses)
            counts[each.name] = hit.height
            said = rows.select("row").join(hit, on="row", how="left", maintain_order="left")["why"]
            why = why.fill_null(said)
        return Ruling(why.rename("why"), counts)


def _hits(listed: _List, rows: pl.DataFrame, uses: pl.DataFrame) -> pl.DataFrame:
    """Give the records that a list names, each once: row, why."""
    import polars as pl

    found = [
        uses.join(listed.media, on="path").select("row", "finding"),
        rows.join(listed.ids, on="id").select("row", "finding"),
        *(
            uses.filter(pl.col("path").str.contains(pattern)).select("row", pl.lit(finding).alias("finding"))
            for pattern, finding in listed.patterns
        ),
    ]
    why = pl.lit(f"exclude {listed.name}: ") + pl.col("finding").min()
    return pl.concat(found).group_by("row").agg(why.alias("why"))


def _load(path: Path, name: str) -> _List:
    if path.parent == known.FOLDER:
        drop = [entry for each, entry in known.load() if each == path.stem and entry.repair == "drop"]
        return _List(name, _once([], "path"), tuple((each.pattern, KNOWN) for each in drop), _once([], "id"))
    given: dict[str, list[tuple[str, str]]] = {"media": [], "id": []}
    for kind, value, why in _entries(path):
        given[kind].append((value, why))
    return _List(name, _once(given["media"], "path"), (), _once(given["id"], "id"))


def _once(pairs: list[tuple[str, str]], column: str) -> pl.DataFrame:
    import polars as pl

    frame = pl.DataFrame(pairs, schema={column: pl.String, "finding": pl.String}, orient="row")
    return frame.unique(column, keep="first", maintain_order=True)


def _entries(path: Path) -> Iterator[tuple[str, str, str]]:
    """Read a list of the user's: what each entry is (media or id), its text, and why it stands there."""
    with path.open("rb") as lines:
        told = (line.removeprefix(_BOM).strip() for line in lines)
        first = next(filter(None, told), b"")
    if path.suffix.lower() in JSON or _OBJECT.match(first):
        return _json(path)
    if path.suffix.lower() == ".json" or first == b"[":
        raise DataError(
            f"{path}: is a JSON document; a list is JSON Lines, an object with `media` or `id` a line, or plain text, a "
            "path or an id a line"
        )
    return _text(path)


def _text(path: Path) -> Iterator[tuple[str, str, str]]:
    """Read a plain list: every line may be a path or an id."""
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                entry = line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
            except UnicodeDecodeError as error:
                raise DataError(f"{path}:{number}: is not UTF-8: {error.reason}; save the list as UTF-8") from None
            if entry:
                yield "media", entry.removeprefix("./"), LISTED
                yield "id", entry, LISTED


def _json(path: Path) -> Iterator[tuple[str, str, str]]:
    decode = msgspec.json.Decoder(dict[str, Any]).decode
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                entry = decode(line.removeprefix(_BOM))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                raise DataError(f"{path}:{number}: expected a JSON object, got: {error}") from None
            yield from _entry(entry, f"{path}:{number}")


def _entry(entry: dict[str, Any], where: str) -> Iterator[tuple[str, str, str]]:
    if entry.get("repair", "drop") not in ("drop", "rename", "reencode", None):
        raise DataError(f"{where}: repair: expected drop, rename or reencode, got {entry['repair']!r}")
    if "repair" in entry and entry["repair"] != "drop":
        return
    why = entry.get("finding") or LISTED
    for kind, keys in (("media", ("media",)), ("id", ("id",)), ("media", _MEDIA)):
        given = [entry[key] for key in keys if entry.get(key) is not None]
        values = [value for each in given for value in (each if isinstance(each, list) else [each])]
        if values:
            if not all(isinstance(value, str) for value in values):
                raise DataError(f"{where}: {' or '.join(keys)}: expected text, got {values[0]!r}")
            yield from ((kind, value.removeprefix("./") if kind == "media" else value, str(why)) for value in values)
            return
    raise DataError(f"{where}: expected one of the keys media, id, image, video, audio, got {sorted(entry)}")

"""Croissant: a mix's files and their columns as JSON-LD, for tools that find and load datasets by it.

The file belongs in the mix's folder: its paths are relative to it. It has no clock and no address, so equal mixes have
equal files; `datePublished` and `url`, which the format asks for, are known to whoever publishes the mix, and are for
them to add. The version is 1.0.0 with the beginning of the mix id behind it.

Columns are told where a reader of Croissant finds them: in JSON Lines and Parquet of the targets in `_COLUMNS`. In a JSON
array it would have to look for each key by itself, in lists that do not match where a key is absent from some records;
typed parts lie deeper than its fields go; and other targets have forms of their own. Such files are described as files.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import Any

from mixer.licences import UNKNOWN
from mixer.manifest import CROISSANT, INDEX, Manifest, OutputFile
from mixer.resolved import Kind
from mixer.writers import tabular

NAME = CROISSANT
_FORMATS = {
    ".json": "application/json",
    ".jsonl": "application/jsonlines",
    ".md": "text/markdown",
    ".parquet": "application/x-parquet",
    ".tar": "application/x-tar",
    ".yaml": "application/yaml",
    ".zst": "application/zstd",
    ".zstd": "application/zstd",
}
_ANY_BYTES = "application/octet-stream"
_TABLES = (".jsonl", ".parquet")
"""Suffixes of files whose columns a reader finds by their names."""
_SINGULAR = {"images": "image", "videos": "video", "audios": "audio"}
"""Columns of the index that count media -> keys of conversations."""
_SPDX = ("Apache-2.0", "BSD-3-Clause", "CC-BY-4.0", "CC-BY-NC-4.0", "CC0-1.0", "MIT", "MS-PL")
"""Terms of sources that are licences of the SPDX list, and have a page there."""
_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
"""The format's own, which is given whole in every file."""


def croissant(manifest: Manifest, files: Iterable[OutputFile], media: Collection[str] = tuple(_SINGULAR)) -> bytes:
    """Describe files of a mix, for a file beside its manifest.

    `media` are the columns images, videos, audios that are not empty throughout; see `media_in`. A reader stops at a
    column that no record has.
    """
    kind: Kind = manifest.recipe.get("kind", "instruct")
    listed = list(files)
    described = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": manifest.name,
        "description": _description(manifest),
        "version": f"1.0.0+{manifest.mix_id[:12]}",
        "license": [_licence(term) for term in _terms(manifest)],
        "isBasedOn": list(_sources(manifest)),
        "distribution": [*map(_file, listed), *_shards(listed)],
        "recordSet": list(_record_sets(listed, kind, media)),
    }
    return (json.dumps(described, indent=2, ensure_ascii=False) + "\n").encode()


def media_in(mix: Path) -> list[str]:
    """List which of the columns images, videos and audios some record of a mix has, by its index."""
    import polars as pl

    most = pl.scan_parquet(mix / INDEX, glob=False).select(pl.max(*_SINGULAR)).collect()
    return [name for name in _SINGULAR if most[name].item()]


# --- the mix ---------------------------------------------------------------------------------------------------------


def _description(manifest: Manifest) -> str:
    what = "invented records, for trying things out" if manifest.data == "miniatures" else "records"
    return f"A training mix of {manifest.records:,} {what}; mix id {manifest.mix_id}."


def _terms(manifest: Manifest) -> list[str]:
    return sorted({term for source in manifest.sources.values() for term in source.terms or [UNKNOWN]})


def _licence(term: str) -> str:
    return f"https://spdx.org/licenses/{term}" if term in _SPDX else term


def _sources(manifest: Manifest) -> Iterator[dict[str, str]]:
    """Give each source once, by name; a user's own by the name of its format."""
    for name, source in sorted({source.source: source for source in manifest.sources.values()}.items()):
        home = {"url": source.homepage} if source.terms else {}  # a user's own source has that of its format
        yield {"@type": "sc:CreativeWork", "name": name, **home, "license": source.licence}


# --- its files -------------------------------------------------------------------------------------------------------


def _file(file: OutputFile) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": file.path,
        "name": PurePosixPath(file.path).name,
        "contentUrl": file.path,
        "contentSize": f"{file.bytes} B",
        "encodingFormat": _FORMATS.get(PurePosixPath(file.path).suffix, _ANY_BYTES),
        "sha256": file.sha256,
    }


def _tables(files: Iterable[OutputFile]) -> Iterator[tuple[str, list[OutputFile]]]:
    """Give each target whose columns can be told, with the files that hold its records."""
    for target, group in groupby(files, key=lambda file: file.target):
        tables = [file for file in group if file.records and PurePosixPath(file.path).suffix in _TABLES]
        # A reader takes each shard for itself, and stops at one of JSON Lines of which no record has some medium.
        if tables and target in _COLUMNS and not (target == "jsonl" and len(tables) > 1):
            yield target, tables


def _shards(files: Iterable[OutputFile]) -> Iterator[dict[str, Any]]:
    """Give a set of the shards of each target that has several."""
    for target, tables in _tables(files):
        if len(tables) > 1:
            yield {
                "@type": "cr:FileSet",
                "@id": target,
                "name": target,
                "encodingFormat": _FORMATS[PurePosixPath(tables[0].path).suffix],
                "includes": [file.path for file in tables],
            }


# --- its records -----------------------------------------------------------------------------------------------------


def _conversations(kind: Kind, media: Collection[str]) -> dict[str, tabular.Type]:
    """Give the keys of conversations as they are. A medium is a path, or a list of several."""
    one = {key: tabular.TEXT for name, key in _SINGULAR.items() if name in media}
    return {"id": tabular.TEXT, **one, "conversations": [tabular.TURN], **_answers(kind)}


def _rows(kind: Kind, _media: Collection[str]) -> dict[str, tabular.Type]:
    return tabular.conversations(kind)


def _messages(kind: Kind, _media: Collection[str]) -> dict[str, tabular.Type]:
    rejected: dict[str, tabular.Type] = {"rejected_response": tabular.TEXT} if kind == "preference" else {}
    messages: dict[str, tabular.Type] = {"messages": [{"role": tabular.TEXT, "content": tabular.TEXT}]}
    return {"id": tabular.TEXT, **messages, **rejected, **tabular.MEDIA}


def _answers(kind: Kind) -> dict[str, tabular.Type]:
    return {"chosen": tabular.TURN, "rejected": tabular.TURN} if kind == "preference" else {}


_COLUMNS = {
    "hf": _rows,
    "jsonl": _conversations,
    "llama_factory": _rows,
    "ms_swift": _messages,
    "parquet": _rows,
}
"""Targets whose columns can be told, and what they are."""


def _record_sets(files: Iterable[OutputFile], kind: Kind, media: Collection[str]) -> Iterator[dict[str, Any]]:
    for target, tables in _tables(files):
        several = len(tables) > 1
        held = {"fileSet": {"@id": target}} if several else {"fileObject": {"@id": tables[0].path}}
        name = f"{target}_records"
        columns = _COLUMNS[target](kind, media)
        yield {
            "@type": "cr:RecordSet",
            "@id": name,
            "name": name,
            "description": f"{sum(file.records for file in tables):,} records as {target} has them.",
            "field": [_field(f"{name}/{column}", column, given, held) for column, given in columns.items()],
        }


def _field(place: str, column: str, given: tabular.Type, held: Mapping[str, Any]) -> dict[str, Any]:
    """Describe a column: a text or several, an object of texts or several."""
    item = given[0] if isinstance(given, list) else given
    field: dict[str, Any] = {"@type": "cr:Field", "@id": place, "name": column}
    if isinstance(given, list):
        field["repeated"] = True
    source = {**held, "extract": {"column": column}}
    if not isinstance(item, dict):
        return {**field, "dataType": "sc:Text", "source": source}
    return {
        **field,
        "subField": [
            {
                "@type": "cr:Field",
                "@id": f"{place}/{key}",
                "name": key,
                "dataType": "sc:Text",
                "source": {**source, "transform": {"jsonPath": key}},
            }
            for key in item
        ],
    }

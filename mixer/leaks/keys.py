"""Image keys: one name for one picture, whatever a dataset calls its file.

    coco:33471          COCO, all releases: numbers are unique over train, val and test of 2014, 2015 and 2017
    vg:2317533          Visual Genome; also GQA's images, but for those that begin with n
    gqa:n161313         GQA's images that are not Visual Genome's
    flickr:1016887272   Flickr's photo number, which is what Flickr30k's files are called
    oi:0a1b2c3d4e5f6789 Open Images (TextVQA, TextCaps, TextOCR, NoCaps)
    ocrvqa:761183272    ASIN or ISBN without leading zeros, which some copies have lost
    sa:10746            SAM
    vizwiz:VizWiz_val_00000000, docvqa:xnbl0037_1, chartqa:8123 ...   the file's name without its ending

A path tells its key by its own form or by its folder: a bare number is a COCO or a Visual Genome number only by
context, so that the two are never mixed. Where the path does not tell, the source may (`SOURCES`). The rules are
regular expressions that Python and polars read alike: `of_path` is for one path, `of_paths` for a column of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import polars as pl

STEM, SHA256 = "stem", "sha256"
"""Kinds of key that no path tells by its form: any file's name without its ending, and the hash of its bytes."""

NUMBERED = frozenset({"coco", "vg", "flickr", "sa", "ocrvqa", "scienceqa"})
"""Kinds whose leading zeros mean nothing."""

_START, _END = r"(?:^|/)", r"(?:\.[A-Za-z0-9]{1,5})?$"
_IN = r"(?:/[^/]+)*/"
"""Folders between one that tells and the file."""


class Form(NamedTuple):
    """A form of paths: the kind of key, and the pattern whose one group is the key's value."""

    kind: str
    pattern: str


def _below(kind: str, folder: str, value: str) -> Form:
    """Give the form of files somewhere below a folder, whose name is compared without regard to case."""
    return Form(kind, rf"{_START}(?i:{folder}){_IN}({value}){_END}")


_DOCUMENTS: Mapping[str, str] = MappingProxyType(
    {
        "docvqa": "DocVQA",
        "infographicsvqa": "Info(?:graphics)?VQA",
        "deepform": "DeepForm",
        "klc": "KleisterCharity",
        "wtq": "WikiTableQuestions",
        "tabfact": "TabFact",
        "chartqa": "ChartQA",
        "visualmrc": "VisualMRC",
        "ccpdf": "CCpdf",
        "ocrcc": "OCRCC",
        "turl": "TURL",
    }
)
"""Kind -> the folder of a dataset whose files have names of its own: all splits share it, so names decide."""

FORMS = (
    # RefCOCO's lists add `_` and a running number to the image; mixes put the name of a collection before it.
    Form("coco", rf"(?:^|[^A-Za-z0-9])COCO_(?:train|val|test)20[0-9]{{2}}_([0-9]+)(?:_[0-9]+)?{_END}"),
    Form("coco", rf"{_START}VisualDialog_train2018_([0-9]+){_END}"),  # those of val2018 and test2018 are Flickr's
    Form("sa", rf"{_START}sa_([0-9]+){_END}"),
    Form("vizwiz", rf"{_START}(VizWiz_(?:train|val|test)_[0-9]+){_END}"),
    Form("docvqa", rf"{_START}([a-z]{{4}}[0-9]{{4}}_[0-9]+){_END}"),
    Form("vg", rf"{_START}VG_100K(?:_2)?/([0-9]+){_END}"),
    _below("vg", "vg|visual[-_]?genome|gqa|lrv(?:_tune)?", r"[0-9]+"),
    _below("gqa", "gqa", r"n[0-9]+"),
    _below("flickr", r"flickr30k[^/]*", r"[0-9]+"),
    _below("ocrvqa", "ocr[-_]?vqa", "[0-9A-Za-z]{1,13}"),
    Form("scienceqa", rf"{_START}(?i:science[-_]?qa){_IN}([0-9]+)/[^/]+$"),  # images/train/7/image.png
    Form("oi", rf"{_START}([0-9a-f]{{16}}){_END}"),
    *(_below(kind, folder, "[^/]+?") for kind, folder in _DOCUMENTS.items()),
    _below("coco", r"coco(?:_flip|[-_]?20[0-9]{2})?", r"[0-9]+"),
    Form("coco", rf"{_START}(?:train|val|test)20(?:14|15|17)/([0-9]+){_END}"),
    Form("coco", rf"{_START}(0{{6}}[0-9]{{6}}){_END}"),  # twelve digits, of which COCO's numbers fill six
)
"""The first that a path has tells its key."""

SOURCES: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("visual_genome", "svit", "svit_core_150k", "halva", "gqa"), "vg"),
        **dict.fromkeys(
            ("aokvqa", "coco_captions", "llava_instruct_150k", "okvqa", "povid", "refcoco", "stic_preference", "vqav2"),
            "coco",
        ),
        "flickr30k": "flickr",
        "sa1b_dense_caption": "sa",
    }
)
"""Source -> what a file is that is called by a bare number and lies in no folder that tells."""

_BARE = rf"{_START}([0-9]+){_END}"
_STEM = r"([^/]+?)(?:\.[A-Za-z0-9]{1,5})?$"

_VALUES: Mapping[str, str] = MappingProxyType(
    {
        "coco": r"(?:coco_)?([0-9]+)",  # LAVIS's lists write coco_391895
        "vg": r"(?:VG_100K(?:_2)?/)?([0-9]+)",
        "gqa": r"(n?[0-9]+)",
        "flickr": r"([0-9]+)",
        "oi": r"([0-9a-f]{16})",
        "ocrvqa": r"([0-9A-Za-z]{1,13})",
        "sa": r"(?:sa_)?([0-9]+)",
        "scienceqa": r"([0-9]+)",
        "sha256": r"([0-9a-f]{64})",
    }
)
"""Kind -> what an entry of a list may be beside a path: the value alone, or in the form of some list."""
_COMPILED = tuple((form.kind, re.compile(form.pattern)) for form in FORMS)

KINDS = tuple(sorted({form.kind for form in FORMS} | {STEM, SHA256}))
"""What a list may hold."""


def of_path(path: str, source: str | None = None) -> str | None:
    """Give the key of a media path, or None. `source` helps where the path does not tell."""
    for kind, pattern in _COMPILED:
        found = pattern.search(path)
        if found:
            return key(kind, found[1])
    found = re.search(_BARE, path)
    return key(SOURCES[source], found[1]) if found and source is not None and source in SOURCES else None


def key(kind: str, value: str) -> str:
    """Write a key; equal pictures get equal ones."""
    return f"{kind}:{value.lstrip('0') or '0'}" if kind in NUMBERED else f"{kind}:{value}"


def of_entry(kind: str | None, entry: str) -> str | None:
    """Give the key of a list's entry, which is of a kind: an id, a file's name or a path; None: it is not of that kind.

    Without a kind the entry must tell by its own form, as a path does.
    """
    entry = entry.strip()
    if kind is None:
        return of_path(entry)
    if kind == STEM:
        return stem(entry)
    if kind == SHA256:
        entry = entry.lower()
    if kind in _VALUES:
        name = re.sub(r"\.(?:jpe?g|png|gif|webp)$", "", entry, flags=re.IGNORECASE)
        found = re.fullmatch(_VALUES[kind], name)
        if found:
            # GQA's numbers are Visual Genome's, but for those that begin with n.
            return key("vg" if kind == "gqa" and found[1][0] != "n" else kind, found[1])
    told = of_path(entry)
    if told is None and kind in _DOCUMENTS and "/" not in entry and (found := re.search(_STEM, entry)):
        return key(kind, found[1])  # where the data set is known, the file's name is enough
    accepted = {kind, "vg"} if kind == "gqa" else {kind}
    return told if told and told.partition(":")[0] in accepted else None


def stem(path: str) -> str | None:
    """Give the key of a file's name without folders and ending."""
    found = re.search(_STEM, path)
    return key(STEM, found[1]) if found else None


def of_paths(paths: pl.Series, source: str | None = None) -> pl.DataFrame:
    """Give the keys of many media paths, in any order: columns `path` and `key`, null where a path has none.

    The same as `of_path`, form by form: each looks only at the paths that those before it left.
    """
    import polars as pl

    left, keyed = paths.alias("path").to_frame(), []
    of_source = [Form(SOURCES[source], _BARE)] if source is not None and source in SOURCES else []
    for kind, pattern in (*FORMS, *of_source):
        found = left.with_columns(pl.col("path").str.extract(pattern).alias("value"))
        keyed.append(found.filter(pl.col("value").is_not_null()).select("path", _written(kind)))
        left = found.filter(pl.col("value").is_null()).select("path")
        if not left.height:
            break
    return pl.concat([*keyed, left.with_columns(pl.lit(None, dtype=pl.String).alias("key"))])


def stems_of(paths: pl.Series) -> pl.DataFrame:
    """Give the keys of many files' names without folders and ending; the same as `stem`, in the form of `of_paths`."""
    import polars as pl

    value = pl.col("path").str.extract(_STEM).alias("value")
    return paths.alias("path").to_frame().with_columns(value).select("path", _written(STEM))


def _written(kind: str) -> pl.Expr:
    """Write the keys of a column of values; the same as `key`."""
    import polars as pl

    value = pl.col("value")
    if kind in NUMBERED:
        stripped = value.str.strip_chars_start("0")
        value = pl.when(stripped == "").then(pl.lit("0")).otherwise(stripped)
    return (pl.lit(f"{kind}:") + value).alias("key")

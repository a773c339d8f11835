"""The registry of sources: one published dataset a module, named like it.

A source module holds `SOURCE`, pure data, and at most one pure function `convert(raw, options)`. Modules are imported
when asked for, so that listing names costs nothing.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from types import MappingProxyType, ModuleType
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from mixer.conversation import Conversation, Labelled, Skip
from mixer.errors import UsageError, did_you_mean
from mixer.readers import Reader

Converted = Conversation | Labelled | Skip | Iterable[Conversation | Labelled | Skip]
Convert = Callable[[Any, Any], Converted]
Modality = Literal["image", "text", "video", "audio", "image+text", "image+audio", "image+video"]


class Options(BaseModel):
    """The choices a source offers. A source without any uses this class as it is."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True)
class File:
    """A published file: its path under the data root, how it is read, and what its records are."""

    path: str
    """With `*` in it, it stands for every file that matches, part by part, in the order of their names."""
    reader: ModuleType | Reader
    raw: type | Callable[[Any], type]
    """The type of its records, or a function of the options that gives it; `raw_type` answers for both."""
    records: int | None = None
    """Published number of records, if known."""
    when: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Options under which this file is read: name -> value (for an option that is a tuple: one of its values)."""
    archive: str | None = None
    """The zip it was published in, if that is named unlike the file: it is read there, too."""
    give: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    """Attributes set on each raw record of this file: what the record does not say and its file does."""
    named: str | None = None
    """Attribute set on each raw record to the published path of its file, where a path with `*` hides it."""

    def raw_type(self, options: Options) -> type:
        """Give the type of this file's records under these options."""
        return self.raw if isinstance(self.raw, type) else self.raw(options)


@dataclass(frozen=True)
class Lookup:
    """A table that records need: `raw.<field>` becomes `row(entry)` of the entry whose `key` equals `raw.<match>`.

    Entries that are missing leave the field at its default, so a converter decides what that means.
    """

    file: File
    key: Callable[[Any], Any]
    row: Callable[[Any], Any]
    match: str
    field: str
    source: str | None = None
    """The source that publishes the file, when it is another one: its folder under the data root is searched too."""
    merge: Callable[[Any, Any], Any] | None = None
    """What two rows of one key become; else the last one stands."""


class Picture(NamedTuple):
    """An image that is there: its path under the media root and its size in pixels, as its header says."""

    path: str
    width: int
    height: int

    @property
    def size(self) -> tuple[int, int]:
        """Give width and height."""
        return self.width, self.height


@dataclass(frozen=True)
class Pictures:
    """What records need of the images themselves: `raw.<field>` becomes the Picture of the image at `raw.<match>`.

    `raw.<match>` is a path under the media root, or several of which the first that is there counts. Where none is, the
    field stays at its default. Only headers are read, and remembered; never a pixel.
    """

    match: str
    field: str
    when: Mapping[str, str] = dataclasses.field(default_factory=lambda: MappingProxyType({}))
    """Options under which images are looked at; without them no media root is needed."""


@dataclass(frozen=True)
class Join:
    """A file whose records belong to those of the source's own files: `raw.<field>` becomes the one of equal `on`.

    Unlike a lookup it may be as large as they are. Its records have the attributes `on` and what the source groups by.
    They are no items of the ledger, unless they are lost: bad, or asked for by no record.
    """

    file: File
    on: str
    field: str


@dataclass(frozen=True)
class Grouping:
    """Records with the same attribute `by` are converted together, as a list in the order of the files.

    The converter says with `Labelled.items` how many of them a conversation holds, and skips the others one by one.
    """

    by: str
    joins: tuple[Join, ...] = ()


@dataclass(frozen=True)
class Blocks:
    """Subsets told by position in a file whose published copy is known record by record.

    Used only when the file has exactly this many records and each block lies in `within`, the subset that the
    record's content tells; otherwise that subset stands.
    """

    records: int
    within: str
    names: Mapping[str, tuple[int, int]]
    """Subset -> [first, last) position."""


@dataclass(frozen=True)
class Source:
    """One dataset, as pure data."""

    title: str
    homepage: str
    licence: str
    """In the words of whoever gave it."""
    terms: tuple[str, ...]
    """The same for a gate: all that must be accepted, by SPDX's names where it has one, else `OpenAI`, `Flickr`, `AI-Hub`,
    `Korean-VQA`, `research-only`, `various` (its parts have licences of their own) or `unknown` (nobody has stated one)."""
    modality: Modality
    task: str
    language: str
    files: tuple[File, ...]
    options: type[Options] = Options
    lookups: tuple[Lookup, ...] = ()
    blocks: Blocks | None = None
    grouping: Grouping | None = None
    pictures: Pictures | None = None
    media: tuple[str, ...] = ()
    """Folders under the media root that its conversations name."""
    records: int | None = None
    """Published number of records of the files that the default options read."""
    note: str = ""
    """What a reader of a plan should know of it."""
    own_path: bool = False
    """A generic source: its file is the user's own, named by the leaf's `path`."""
    tells_subsets: bool = False
    """Its records' subsets are what it recognised, which a conversion tells."""
    convert: Convert | None = None
    """Bound by the registry from the module's function, or a stock shape's."""
    name: str = field(default="", kw_only=True)
    """Bound by the registry: the module's name."""

    @property
    def listing(self) -> str:
        """Give the command that lists the items this source lost."""
        return f"mixer convert {self.name} {'--path FILE ' if self.own_path else ''}--skipped"

    def used_files(self, options: Options) -> list[File]:
        """List the files that these options read, in declared order."""
        return [file for file in self.files if _is_used(file, options)]

    def used_joins(self, options: Options) -> list[Join]:
        """List the joins whose files these options read."""
        return [join for join in self.grouping.joins if _is_used(join.file, options)] if self.grouping else []

    def used_lookups(self, options: Options) -> list[tuple[int, Lookup]]:
        """List the lookups whose files these options read, each with its index among all."""
        return [each for each in enumerate(self.lookups) if _is_used(each[1].file, options)]

    def used_pictures(self, options: Options) -> Pictures | None:
        """Say what these options need of the images themselves."""
        return self.pictures if self.pictures and _are_chosen(options, self.pictures.when) else None

    def every_file(self, options: Options) -> list[File]:
        """List the files that these options read, those that are joined last."""
        return [*self.used_files(options), *(join.file for join in self.used_joins(options))]


def _is_used(file: File, options: Options) -> bool:
    return _are_chosen(options, file.when)


def _are_chosen(options: Options, when: Mapping[str, str]) -> bool:
    return all(_chosen(options, *item) for item in when.items())


def _chosen(options: Options, name: str, value: str) -> bool:
    given = getattr(options, name)
    return value in given if isinstance(given, tuple) else bool(value == given)


@cache
def names() -> tuple[str, ...]:
    """List all sources, sorted."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


@cache
def get(name: str) -> Source:
    """Give a source by name. Raises UsageError for an unknown name, with a suggestion."""
    if name not in names():
        raise UsageError(f"unknown source {name!r}{did_you_mean(name, names())}")
    module = importlib.import_module(f"{__name__}.{name}")
    source: Source = module.SOURCE
    return replace(source, name=name, convert=getattr(module, "convert", source.convert))


def parse_options(source: Source, given: Iterable[str]) -> Options:
    """Read options written as `key=value`; a value may be JSON, and a list may be written `a,b`.

    Raises UsageError for an option the source does not have or a value it does not take.
    """
    values: dict[str, Any] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"option {text!r}: expected KEY=VALUE")
        about = source.options.model_fields.get(name)
        is_list = about is not None and isinstance(about.get_default(call_default_factory=True), tuple)
        try:
            values[name] = json.loads(value) if value[:1] in ("{", "[") else value.split(",") if is_list else value
        except ValueError as error:
            raise UsageError(f"option {name}: {value!r} is not JSON: {error}") from None
    try:
        return source.options.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        if not first["loc"]:  # what does not go together
            raise UsageError(f"{source.name}: options: {first['msg'].removeprefix('Value error, ')}") from None
        name = ".".join(map(str, first["loc"]))
        unknown = first["type"] == "extra_forbidden"
        hint = did_you_mean(name, source.options.model_fields) if unknown else f" (got {first['input']!r})"
        said = "is no option of this source" if unknown else first["msg"]
        raise UsageError(f"{source.name}: option {name}: {said}{hint}") from None

"""The recipe language, version 1: what may be written in each map, as strict models.

A model judges one map. What holds between keys, leaves and files is judged by resolving.py. Descriptions become the
JSON Schema that editors show.
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, WithJsonSchema, field_validator

from mixer import writers
from mixer.errors import did_you_mean
from mixer.recipe import quantities
from mixer.recipe.quantities import described
from mixer.recipe.yaml_scalars import Number
from mixer.resolved import AmountKind, Kind, LeakBy, MatchBy, OnShort, Order, Scope, Unit

VERSION = 1
AMOUNTS: tuple[AmountKind, ...] = ("count", "epochs", "budget", "share", "weight")
NAME_PATTERN = "[A-Za-z0-9][A-Za-z0-9._-]*"
"""Names become folders, file names and columns of tables."""
LONGEST_NAME = 100
"""File systems take 255 bytes, of which temporary names beside it need some."""


# --- kinds of values -------------------------------------------------------------------------------------------------


def _text(value: object) -> str:
    if isinstance(value, str) and not isinstance(value, Number) and value.strip():
        return value
    hint = f': write "{value}"' if isinstance(value, Number) else ""
    raise ValueError(f"expected text, got {described(value)}{hint}")


def name(value: object) -> str:
    """Judge the name of a recipe or leaf. Raises ValueError."""
    if re.fullmatch(NAME_PATTERN, text := _text(value)):
        if len(text) > LONGEST_NAME:
            raise ValueError(f"expected a name of at most {LONGEST_NAME} characters, got {len(text)}")
        if text == "manifest":
            raise ValueError("'manifest' is the name of a file of every mix; choose another")
        return text
    raise ValueError(f"expected a name of letters, digits, '.', '_' and '-', first a letter or digit, got {text!r}")


def _target(value: object) -> str:
    if isinstance(value, str) and value in writers.names():
        return value
    hint = did_you_mean(value, writers.names()) if isinstance(value, str) else ""
    raise ValueError(f"expected an output target, got {described(value)}{hint}")


def _listed(value: object) -> object:
    return [value] if isinstance(value, dict) else value


def _list_of_text(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _visual(value: object) -> int | str:
    """Judge how many visual tokens an image has."""
    if isinstance(value, Number):
        return quantities.integer(value, minimum=0)
    return _text(value)


def _number(schema: str, minimum: int) -> WithJsonSchema:
    return WithJsonSchema({"type": schema, "minimum": minimum, "maximum": quantities.MAX_INTEGER})


_RATIO = {"type": "string", "pattern": "^[0-9]{1,18}/[0-9]{1,18}$"}
_SHARE = {"type": "string", "pattern": "^([0-9]{1,18}(\\.[0-9]{1,18})?%|[0-9]{1,18}/[0-9]{1,18})$"}
_POSITIVE = {"anyOf": [{"type": "number", "exclusiveMinimum": 0}, _RATIO]}

Text = Annotated[str, PlainValidator(_text), WithJsonSchema({"type": "string", "minLength": 1})]
Name = Annotated[str, PlainValidator(name), WithJsonSchema({"type": "string", "pattern": f"^{NAME_PATTERN}$"})]
FromZero = Annotated[int, PlainValidator(partial(quantities.integer, minimum=0)), _number("integer", 0)]
FromOne = Annotated[int, PlainValidator(partial(quantities.integer, minimum=1)), _number("integer", 1)]
Positive = Annotated[Fraction, PlainValidator(quantities.positive), WithJsonSchema(_POSITIVE)]
Share = Annotated[Fraction, PlainValidator(quantities.share), WithJsonSchema(_SHARE)]
Threshold = Annotated[
    Fraction,
    PlainValidator(quantities.threshold),
    WithJsonSchema({"type": "number", "exclusiveMinimum": 0, "maximum": 1}),
]
ShareOrNone = Annotated[Fraction, PlainValidator(partial(quantities.share, or_none=True)), WithJsonSchema(_SHARE)]


# --- maps ------------------------------------------------------------------------------------------------------------


class _Map(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("*", mode="before")
    @classmethod
    def _not_nothing(cls, value: object) -> object:
        """Refuse a null: it removes a key of the recipe that `extends` names, and there was none to remove."""
        if value is None:
            raise ValueError("expected a value, got nothing: write one, or leave the key out")
        return value


class MatchText(_Map):
    """One entry of `except` or `only`: other records, and by what they are the same."""

    source: Annotated[Text | None, Field(description="The source whose records are meant.")] = None
    file: Annotated[Text | None, Field(description="Or a LLaVA file of your own, .json or .jsonl.")] = None
    options: Annotated[dict[str, Any] | None, Field(description="The options of `source`.")] = None
    files: Annotated[dict[Text, Text] | None, Field(description="Files of `source` that lie elsewhere.")] = None
    by: Annotated[MatchBy | None, Field(description="What makes two records the same; `content` if left out.")] = None
    expect: Annotated[FromOne | None, Field(description="How many records this should remove.")] = None


Matches = Annotated[list[MatchText], Field(min_length=1)]


class MediaText(_Map):
    """How media paths of your own files become relative."""

    strip: Annotated[Text, Field(description="The prefix that is taken off absolute media paths.")]


class LeafText(_Map):
    """One entry of `sources`: which records, and how many of them."""

    use: Annotated[Text | None, Field(description="The source; left out, the entry's key names it.")] = None
    recipe: Annotated[Text | None, Field(description="A nested recipe; beside it only an amount may stand.")] = None
    path: Annotated[Text | None, Field(description="Your own file, for a generic source.")] = None
    files: Annotated[
        dict[Text, Text] | None, Field(description="Published files that lie elsewhere: published path to path.")
    ] = None
    options: Annotated[dict[str, Any] | None, Field(description="The source's own options.")] = None
    columns: Annotated[
        dict[Text, Text] | None, Field(description="For a generic source: the name it wants to the name in your file.")
    ] = None
    media: Annotated[MediaText | None, Field(description="For a generic source: how media paths are read.")] = None
    where: Annotated[Text | None, Field(description="A condition over the index columns; see docs/recipes.md.")] = None
    except_: Annotated[
        Matches | None,
        BeforeValidator(_listed),
        Field(alias="except", description="Records to leave out."),
    ] = None
    only: Annotated[
        Matches | None,
        BeforeValidator(_listed),
        Field(description="Records to keep, all others are left out."),
    ] = None
    max_per_image: Annotated[
        FromOne | None, Field(description="At most so many records of one image, in each pass.")
    ] = None
    count: Annotated[FromOne | None, Field(description="Amount: so many records.")] = None
    epochs: Annotated[Positive | None, Field(description="Amount: so many times all of it; a fraction is fine.")] = None
    budget: Annotated[FromOne | None, Field(description="Amount: so much in the recipe's `unit`.")] = None
    share: Annotated[Share | None, Field(description="Amount: a part of `size`, as 12.5% or 1/8.")] = None
    weight: Annotated[
        Positive | None, Field(description="Amount: a part of what is left of `size`, relative to the other weights.")
    ] = None
    max_epochs: Annotated[Positive | None, Field(description="How often `on_short: repeat` may show all of it.")] = None


LEAF_KEYS = frozenset(field.alias or key for key, field in LeafText.model_fields.items())
"""What may stand in an entry of `sources`."""


class OutputText(_Map):
    """One target of the mix."""

    for_: Annotated[
        str,
        PlainValidator(_target),
        WithJsonSchema({"enum": list(writers.names())}),
        Field(alias="for", description="The trainer or format to write for."),
    ] = "llava"
    inexpressible: Annotated[
        Literal["error", "drop"], Field(description="What to do with records that the target cannot hold.")
    ] = "error"
    compression: Annotated[Literal["zstd"] | None, Field(description="Pack the files; for streaming.")] = None
    separators: Annotated[
        Literal["refuse", "keep"],
        Field(description="Texts with what LLaVA's template parts turns by: not for it, or written as they are."),
    ] = "refuse"
    shards: Annotated[FromOne | None, Field(description="Into how many files its records are cut.")] = None
    shard_records: Annotated[FromOne | None, Field(description="Or: how many records a file holds.")] = None
    shard_bytes: Annotated[FromOne | None, Field(description="Or: how many bytes of records a file holds at most.")] = (
        None
    )


class LicenceText(_Map):
    """Which licences the mix may use."""

    allow: Annotated[list[Text], Field(description="Licences as `mixer sources` gives them.", min_length=1)]
    unknown: Annotated[
        Literal["error", "allow"], Field(description="What to do with sources whose licence nobody has stated.")
    ] = "error"


class NearText(_Map):
    """Which near-duplicates go."""

    file: Annotated[Text, Field(description="A file of `mixer dedup`: its near.parquet.")]
    threshold: Annotated[Threshold, Field(description="The likeness from which two are the same, such as 0.9.")]


class DedupText(_Map):
    """Of things that are nearly the same one stays."""

    images: Annotated[NearText | None, Field(description="Records go by their images.")] = None
    text: Annotated[NearText | None, Field(description="Records go by what they say.")] = None
    scope: Annotated[Scope, Field(description="Among what one stays: each entry of `sources`, or all of the mix.")] = (
        "source"
    )


class BenchmarkText(_Map):
    """Your copy of a benchmark, and how records are matched with it; what is left out is as the registry says."""

    files: Annotated[
        list[Text] | None, BeforeValidator(_list_of_text), Field(description="Its lists.", min_length=1)
    ] = None
    by: Annotated[
        list[LeakBy] | None, BeforeValidator(_list_of_text), Field(description="How records are matched.", min_length=1)
    ] = None
    key: Annotated[Text | None, Field(description="For a list of your own: what its entries are, such as coco.")] = None
    field: Annotated[Text | None, Field(description="For a list of your own: the field that holds an entry.")] = None
    images: Annotated[Text | None, Field(description="Folder of its images, for content and perceptual.")] = None
    ngram: Annotated[FromOne, Field(description="For question: words in a row that must be the same.")] = 13
    distance: Annotated[FromZero, Field(description="For perceptual: bits of 64 in which two hashes may differ.")] = 4


class DecontaminateText(_Map):
    """Benchmarks whose images or questions must not be in the mix."""

    benchmarks: Annotated[dict[Name, BenchmarkText], Field(description="The benchmarks by name.", min_length=1)]
    on_leak: Annotated[
        Literal["error", "drop"], Field(description="Stop the build, or leave leaking records out and count them.")
    ] = "error"
    image_data: Annotated[
        Text | None, Field(description="Visual Genome's image_data.json: which of its images are of COCO and Flickr.")
    ] = None


class TokensText(_Map):
    """How tokens are counted."""

    tokenizer: Annotated[Text, Field(description="A tokenizer.json.")]
    image: Annotated[
        int | str,
        PlainValidator(_visual),
        WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string"}]}),
        Field(description="Visual tokens of an image: a number, or a model's rule: llava_next, qwen2_vl."),
    ] = 0


class RecipeText(_Map):
    """A recipe: which sources, how much of each, in which order, written for what."""

    # Judged when the file is read: with `extends`, each file says its own version.
    mixer: Annotated[
        Any, WithJsonSchema({"const": VERSION}), Field(description="The version of the recipe language: 1.")
    ] = VERSION
    name: Annotated[Name, Field(description="The name of the mix and of its folder.")]
    description: Annotated[Text | None, Field(description="Free text for readers.")] = None
    extends: Annotated[Text | None, Field(description="A recipe that this one changes.")] = None
    kind: Annotated[
        Kind,
        Field(description="What the records are: conversations, or prompts with a chosen and a rejected answer."),
    ] = "instruct"
    seed: Annotated[FromZero, Field(description="Fixes which records are chosen and their order.")] = 0
    unit: Annotated[
        Unit, Field(description="What `size` and `budget` count; tokens and target_tokens need `tokens:`.")
    ] = "samples"
    size: Annotated[FromOne | None, Field(description="Size of the mix in `unit`; needed with weight or share.")] = None
    sources: Annotated[dict[str, Any], Field(description="The sources by name, each with its amount.", min_length=1)]
    on_short: Annotated[OnShort, Field(description="What to do where a source has too few records.")] = "error"
    order: Annotated[Order, Field(description="How the records of the sources follow each other.")] = "shuffle"
    output: Annotated[
        list[OutputText],
        BeforeValidator(_listed),
        Field(description="What to write.", min_length=1),
    ] = [OutputText()]
    croissant: Annotated[bool, Field(description="Describe the mix in croissant.json, too.", strict=True)] = False
    licence: Annotated[LicenceText | None, Field(description="A gate: which licences the mix may use.")] = None
    exclude: Annotated[
        list[Text] | None,
        BeforeValidator(_list_of_text),
        Field(description="Lists of media or records to leave out, such as `mixer check` writes.", min_length=1),
    ] = None
    decontaminate: Annotated[DecontaminateText | None, Field(description="A gate against leaks of benchmarks.")] = None
    dedup: Annotated[DedupText | None, Field(description="Of near-duplicates one stays.")] = None
    tokens: Annotated[TokensText | None, Field(description="Count tokens: columns of plan, index and manifest.")] = None
    max_bad: Annotated[ShareOrNone, Field(description="Share of damaged records that stops the build.")] = Fraction(
        1, 100
    )

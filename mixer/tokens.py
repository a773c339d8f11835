"""How many tokens a conversation has, by a local tokenizer: the columns behind `unit: tokens` and `target_tokens`.

- `tokens`: those of every turn's text, plus the visual tokens of every image. Of a preference record both answers count.
- `target_tokens`: those of gpt's turns, which a trainer learns from. Of a preference record they are those of `chosen`
  and `rejected`: its earlier answers are its prompt.

A text is cut at the placeholders of the record's own media, which visual tokens stand for, and its pieces are tokenised
one by one, as trainers do; a placeholder in a record without that medium is text. Nothing is added: no tokens of a chat
template, of a turn's begin and end, of a sequence's. Truncation and padding that a tokenizer.json asks for are left
out. Videos and audios have no tokens but those of their text.
"""

from __future__ import annotations

import os
import re
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from mixer import visual_tokens
from mixer.columns import write_frame
from mixer.conversation import AUDIO, GPT, IMAGE, VIDEO, Conversation
from mixer.derived import Derived
from mixer.errors import DataError, MissingFile
from mixer.extras import need
from mixer.hashing import sha256_of
from mixer.resolved import Tokens

if TYPE_CHECKING:
    from tokenizers import Tokenizer

COLUMNS = {"tokens": "UInt32", "target_tokens": "UInt32"}
BATCH = 1 << 20
"""Bytes of lines tokenised at once, about: encodings take some fifty times the memory of their text."""
_VERSION = 1
"""Of what is counted; a change of it makes other columns."""
_THREADS = "TOKENIZERS_PARALLELISM"

Visual = Callable[[Sequence[list[str]]], list[int | None]]
"""The lists of images of some records -> the visual tokens of each; None: an image cannot be counted."""


def derived(asked: Tokens, table: Path | None = None) -> Derived:
    """Describe the columns of counts by a tokenizer; see `write`.

    `table` is that of `visual_tokens.table`, needed where a rule counts an image's tokens. Raises UsageError where the
    extra is missing or the rule is unknown, MissingFile or DataError where there is no tokenizer.
    """
    need("tokenizers", "tokens")
    _load(asked.tokenizer)
    settings: dict[str, Any] = {
        "version": _VERSION,
        "tokenizer": sha256_of(asked.tokenizer),
        "tokenizers": version("tokenizers"),  # its counts are not ours to promise
        "image": asked.image,
        "path_tokenizer": str(asked.tokenizer),
    }
    if isinstance(asked.image, str):
        visual_tokens.rule(asked.image)
        assert table is not None, "a rule looks at the images"
        settings |= {"images": table.stem, "path_images": str(table)}
    return Derived("tokens", COLUMNS, "tokens:write", settings)


def _load(path: Path) -> Tokenizer:
    """Load a tokenizer, which cuts and pads nothing."""
    from tokenizers import Tokenizer

    if not path.is_file():
        raise MissingFile(f"{path}: is missing; name a tokenizer.json of a model whose tokens are to be counted")
    try:
        tokenizer: Tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # noqa: BLE001 - the library raises nothing narrower
        raise DataError(f"{path}: is not a tokenizer.json: {str(error).splitlines()[0]}") from None
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def write(lines: Path, out: Path, settings: Mapping[str, Any]) -> None:
    """Count the tokens of a part's conversations, one a line: a Parquet file with the columns tokens, target_tokens.

    `tokens` is null for a record with an image that cannot be counted, see `visual_tokens.table`.
    """
    import polars as pl

    tokenizer = _load(Path(settings["path_tokenizer"]))
    visual = _visual(settings)
    decode = msgspec.json.Decoder(Conversation).decode
    every, targets, unknown = array("Q"), array("Q"), array("Q")
    with lines.open("rb") as file, _one_thread():
        while batch := file.readlines(BATCH):
            records = list(map(decode, batch))
            for place, (seen, (said, target)) in enumerate(
                zip(visual([_images(record) for record in records]), count(tokenizer, records), strict=True)
            ):
                if seen is None:
                    unknown.append(len(every))
                total = said + (seen or 0)
                if total >> 32:
                    raise DataError(f"{lines}: record {records[place].id!r}: has {total:,} tokens; 2**32 are too many")
                every.append(total)
                targets.append(target)
    frame = pl.DataFrame({"tokens": every, "target_tokens": targets}, schema=dict.fromkeys(COLUMNS, pl.UInt64))
    seen_whole = ~pl.int_range(pl.len()).is_in(pl.Series(unknown, dtype=pl.Int64).implode())
    write_frame(frame.cast(pl.UInt32).with_columns(pl.when(seen_whole).then("tokens")), out)


def count(tokenizer: Tokenizer, records: Sequence[Conversation]) -> list[tuple[int, int]]:
    """Give the tokens of each record's texts, and those of its targets."""
    texts: list[str] = []
    owners: list[tuple[int, bool]] = []
    for place, record in enumerate(records):
        for text, is_target in _pieces(record):
            texts.append(text)
            owners.append((place, is_target))
    every, targets = [0] * len(records), [0] * len(records)
    encodings = tokenizer.encode_batch_fast(texts, add_special_tokens=False)
    for (place, is_target), encoding in zip(owners, encodings, strict=True):
        every[place] += len(encoding)
        targets[place] += len(encoding) * is_target
    return list(zip(every, targets, strict=True))


def _pieces(record: Conversation) -> Iterator[tuple[str, bool]]:
    """Go through the pieces of a record's texts, and whether a trainer learns from each."""
    answers = [turn for turn in (record.chosen, record.rejected) if turn is not None]
    own = tuple(
        token
        for token, files in ((IMAGE, record.image), (VIDEO, record.video), (AUDIO, record.audio))
        if files is not None
    )
    turns = [(turn.value, turn.from_ == GPT and not answers) for turn in record.conversations]
    for text, is_target in [*turns, *((answer.value, True) for answer in answers)]:
        if own and "<" in text:
            yield from ((piece, is_target) for piece in _placeholders(own).split(text) if piece)
        else:
            yield text, is_target


@lru_cache
def _placeholders(tokens: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, tokens)))


def _images(record: Conversation) -> list[str]:
    image = record.image
    return [] if image is None else [image] if isinstance(image, str) else image


def _visual(settings: Mapping[str, Any]) -> Visual:
    """Give the call that counts visual tokens: so many an image, or what a table says of it."""
    if isinstance(settings["image"], int):
        each: int = settings["image"]
        return lambda images: [each * len(paths) for paths in images]
    return visual_tokens.lookup(Path(settings["path_images"]))


@contextmanager
def _one_thread() -> Iterator[None]:
    """Keep the library from threads of its own: parts are what is done in parallel, and who forks is not warned."""
    before = os.environ.get(_THREADS)
    os.environ[_THREADS] = "false"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_THREADS]
        else:
            os.environ[_THREADS] = before

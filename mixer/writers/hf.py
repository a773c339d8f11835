"""A folder that is a repository of the Hugging Face hub as it stands: Parquet shards and the data card.

    hf/README.md                               data/train-00000-of-00002.parquet ...

The rows are those of the target `parquet`. It is Parquet and not JSON Lines, since the library `datasets` guesses the
types of lines before it casts them to the declared ones: an id like 2019-05-12 comes back as 2019-05-12 00:00:00.

The card's head declares the columns, the number of rows and the licences; its text tells the mix's composition. Both
depend on the mix alone: the size is that of the records as JSON, not that of the files.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mixer import __version__
from mixer.conversation import Conversation
from mixer.licences import UNKNOWN
from mixer.progress import Advance
from mixer.resolved import Kind
from mixer.writers import Job, Written, reshaping, tabular

if TYPE_CHECKING:
    import polars as pl

TARGET = "hf"
_SIZES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
    (100_000_000, "10M<n<100M"),
    (1_000_000_000, "100M<n<1B"),
    (10_000_000_000, "1B<n<10B"),
    (100_000_000_000, "10B<n<100B"),
    (1_000_000_000_000, "100B<n<1T"),
)
"""Below how many records the hub calls a dataset so."""
_LICENCES = (
    "apache-2.0", "bsd-2-clause", "bsd-3-clause", "cc0-1.0", "cc-by-2.0", "cc-by-2.5", "cc-by-3.0", "cc-by-4.0",
    "cc-by-sa-3.0", "cc-by-sa-4.0", "cc-by-nc-2.0", "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nd-4.0", "cc-by-nc-nd-3.0",
    "cc-by-nc-nd-4.0", "cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0", "cdla-permissive-1.0",
    "cdla-permissive-2.0", "cdla-sharing-1.0", "gpl-3.0", "mit", "ms-pl", "odbl", "odc-by", "pddl", "unknown",
)  # fmt: skip
"""Names of licences that the hub knows, of those that datasets have."""
_TASKS = {"images": "image-text-to-text", "videos": "video-text-to-text", "audios": "audio-text-to-text"}
_PLAIN_TASK = "text-generation"


def inexpressible(_kind: Kind) -> pl.Expr:
    """Say why a record cannot be written: there is no such reason."""
    import polars as pl

    return pl.lit(None, dtype=pl.String)


def write(job: Job, batches: Iterable[list[memoryview]], advance: Advance) -> list[Written]:
    """Write the rows, and the card."""
    columns = tabular.conversations(job.kind)
    seen: set[str] = set()
    size = 0

    def row(record: Conversation) -> dict[str, Any]:
        made = tabular.conversation(record)
        seen.update(name for name in tabular.MEDIA if made[name])
        return made

    def told(done: int) -> None:
        nonlocal size
        size += done
        advance(done)

    table = tabular.Table(columns, row)
    written = table.write(job, f"{TARGET}/data", "train", batches, told, numbered=True)
    media = [name for name in tabular.MEDIA if name in seen]
    card = tabular.card(_head(job, columns, media, size), "\n".join(_text(job, media)))
    return [*written, reshaping.describe(TARGET, job, "README.md", card)]


def _head(job: Job, columns: Mapping[str, tabular.Type], media: Sequence[str], size: int) -> dict[str, Any]:
    declared = tabular.dataset(columns, "data/train-*.parquet")
    declared["dataset_info"] |= {
        "splits": [{"name": "train", "num_bytes": size, "num_examples": job.records}],
        "dataset_size": size,
    }
    method = ["preference", "dpo"] if job.kind == "preference" else ["instruction-tuning"]
    return {
        "pretty_name": job.name,
        **_licence(_terms(job.about.values())),
        "task_categories": [_TASKS[name] for name in media] or [_PLAIN_TASK],
        "tags": ["conversational", *method, *(name.removesuffix("s") for name in media)],
        "size_categories": [next((name for most, name in _SIZES if job.records < most), "n>1T")],
        **declared,
    }


# --- licences --------------------------------------------------------------------------------------------------------


def _terms(sources: Iterable[Mapping[str, Any]]) -> list[str]:
    """List all terms that some source has; of a user's own source none are known."""
    return sorted({term for source in sources for term in source.get("terms") or [UNKNOWN]}) or [UNKNOWN]


def _licence(terms: list[str]) -> dict[str, str]:
    """Name the licence as the hub does: one that it knows, or `other` with a name of its own."""
    (first, *others) = terms
    if not others and first.lower() in _LICENCES:
        return {"license": first.lower()}
    name = "several" if others else re.sub(r"[^a-z0-9]+", "-", first.lower()).strip("-")
    return {"license": "other", "license_name": name}


# --- the page --------------------------------------------------------------------------------------------------------


def _text(job: Job, media: Sequence[str]) -> Iterator[str]:
    """Give the lines of the page."""
    what = "pairs of answers" if job.kind == "preference" else "conversations"
    yield f"# {job.name}"
    yield ""
    yield f"{job.records:,} {what}, in the order in which they are to be trained on."
    yield ""
    yield from _columns(job.kind, media)
    yield ""
    yield "## Composition"
    yield ""
    yield from _composition(job.about)
    yield ""
    yield "## How it was made"
    yield ""
    yield f"By mixer (instruction-mixer) {__version__}: each source's files were converted to conversations, a recipe set how"
    yield "much of each goes in, and the whole was put in one order. Choice and order follow from the recipe's seed and the"
    yield "records themselves, so the same recipe and files give the same rows. The mix's `manifest.json` holds the recipe,"
    yield "the hashes of all input files and the mix id."
    yield ""


def _columns(kind: Kind, media: Sequence[str]) -> Iterator[str]:
    yield "## Columns"
    yield ""
    yield "| column | what it holds |"
    yield "| --- | --- |"
    yield "| `id` | name of the record; not unique, since a record may be shown several times |"
    yield f"| {', '.join(f'`{name}`' for name in tabular.MEDIA)} | paths of the media, in the order of their placeholders |"
    turns = "the turns up to the last question" if kind == "preference" else "the turns"
    yield f"| `conversations` | {turns}: `from` is `human`, `gpt` or `system` |"
    if kind == "preference":
        yield "| `chosen`, `rejected` | the better and the worse answer to it |"
    if media:
        yield ""
        yield "The media are not in this repository: the sources' homepages say where they are. Paths are below one folder,"
        yield "which you choose. `<image>`, `<video>` and `<audio>` stand in the texts where media are shown, one for each path;"
        yield "in a record without such a medium they are text."


def _composition(about: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Give a table of the sources, and all terms together."""
    if not about:
        yield "Not told: the sources are in the mix's `manifest.json`."
        return
    yield "| source | records | share | epochs | licence | homepage |"
    yield "| --- | ---: | ---: | ---: | --- | --- |"
    for name, source in about.items():
        given = source.get("source", name)
        called = name if given == name else f"{name} ({given})"
        homepage = source.get("homepage", "") if source.get("terms") else ""  # of a user's own source: of its format
        cells = [called, *_amounts(source), source.get("licence", UNKNOWN), homepage]
        yield f"| {' | '.join(map(_cell, cells))} |"
    yield ""
    yield f"Terms of all sources together: {', '.join(_terms(about.values()))}. The media have their own."


def _amounts(source: Mapping[str, Any]) -> list[str]:
    count, share, epochs = (source.get(name) for name in ("count", "share", "epochs"))
    return [
        "" if count is None else f"{count:,}",
        "" if share is None else f"{share:.2%}",
        "" if epochs is None else f"{epochs:,.2f}",
    ]


def _cell(text: str) -> str:
    """Write a text so that it stays in its cell."""
    return " ".join(text.split()).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")


def handoff(name: str, _kind: Kind) -> str:
    """Say how to load it here, and how to publish it."""
    return f"""\
from datasets import load_dataset

train = load_dataset("MIX/{TARGET}", split="train")

# To publish it, in a shell:
# hf upload OWNER/{name} MIX/{TARGET} --repo-type dataset --private
"""

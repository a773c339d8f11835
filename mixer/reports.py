"""What the commands print: tables for people, JSON for programs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mixer import sources
from mixer.licences import rolled_up
from mixer.tables import cut, number, size, table

if TYPE_CHECKING:
    from mixer.building import Mix
    from mixer.caching import Content
    from mixer.comparing import Difference
    from mixer.listing import Listed
    from mixer.plans import Plan
    from mixer.store import Entry

STEPS = (
    "where", "where_null", "except", "only", "exclude", "leak", "inexpressible", "dedup_images", "dedup_text", "max_per_image",
)  # fmt: skip
"""Pool rules in the order they apply; only those that took something get a column."""


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def plan_values(plan: Plan) -> dict[str, Any]:
    """Give a plan's numbers as plain JSON values."""
    from mixer.leaf_reports import leaf_reports

    leaves = {name: report.model_dump(mode="json") for name, report in leaf_reports(plan).items()}
    return {
        "name": plan.recipe.name,
        "seed": plan.recipe.seed,
        "unit": plan.recipe.unit,
        "size": plan.size,
        "data": plan.data.kind,
        "records": plan.records,
        "sources": leaves,
        "totals": _totals(leaves),
        "licences": rolled_up(leaves),
        "curation": [each.model_dump(mode="json") for each in plan.curated],
        "notes": list(plan.notes),
    }


def plan_json(plan: Plan) -> str:
    """Print a plan for programs."""
    return _json(plan_values(plan))


def plan_text(plan: Plan) -> str:
    """Print a plan for people: a table, and below it what a rule has to say."""
    values = plan_values(plan)
    lines = [_amount_table(values["sources"], full=True)]
    lines += _licence_lines(values["sources"])
    lines += _remarks(values["sources"], plan.notes)
    if plan.data.kind == "miniatures":
        lines.append("made of the built-in miniatures, with absolute amounts scaled down to them")
    return "\n".join(lines)


TOKENS = ("tokens", "target_tokens")
_NUMBERS = ("read", "skipped", "bad", "made", *STEPS, "pool", "ideal", "count", *TOKENS)


def _numbers(leaf: Mapping[str, Any]) -> dict[str, float]:
    """Give a leaf's numbers by column, losses by step."""
    lost = {kind: sum(leaf[kind].values()) for kind in ("skipped", "bad")}
    steps = {step: leaf["losses"].get(step, 0) for step in STEPS}
    tokens = {name: leaf[name] or 0 for name in TOKENS}
    return {name: {**leaf, **lost, **steps, **tokens}[name] for name in _NUMBERS}


def _totals(leaves: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """Add up the leaves' numbers by column."""
    rows = [_numbers(leaf) for leaf in leaves.values()]
    return {name: sum(row[name] for row in rows) for name in _NUMBERS}


def _amount_table(leaves: Mapping[str, Mapping[str, Any]], *, full: bool) -> str:
    """Align the leaves' numbers. `full` adds what was read and lost, step by step."""
    totals = _totals(leaves)
    names = [name for name in _NUMBERS if full or name in ("pool", "ideal", "count", *TOKENS)]
    names = [name for name in names if name not in (*STEPS, *TOKENS) or totals[name]]
    header = ["leaf", *(f"-{name}" if name in STEPS else name for name in names), "epochs", "share", "<licence"]
    rows = [
        [
            name,
            *(number(_numbers(leaf)[column]) for column in names),
            f"{leaf['epochs']:.3g}",
            f"{leaf['share']:.1%}",
            cut(leaf["licence"]),
        ]
        for name, leaf in leaves.items()
    ]
    return table(header, rows, total=["total", *(number(totals[name]) for name in names), "", "100.0%", ""])


def _licence_lines(leaves: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Say in a line which licences the mix is under."""
    said = [f"{term} ({number(about['records'])} records)" for term, about in rolled_up(leaves).items()]
    return [f"licences: {', '.join(said)}"] if said else []


def _remarks(leaves: Mapping[str, Mapping[str, Any]], notes: tuple[str, ...]) -> list[str]:
    """List why items were lost, and what the rules noticed."""
    lines = []
    for name, leaf in leaves.items():
        lines += [f"{name}: skipped {count:,}: {reason}" for reason, count in leaf["skipped"].items()]
        lines += [f"{name}: bad {count:,}: {reason}" for reason, count in leaf["bad"].items()]
        for rule, found in (("exclude", leaf["excluded"]), ("leak", leaf["leaks"])):
            lines += [f"{name}: {rule} {what}: {count:,}" for what, count in found.items() if count]
        lines += [f"{name}: {note}" for note in leaf["notes"]]
    return [*lines, *_idle(leaves), *notes]


def _idle(leaves: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Name the lists and benchmarks that speak against no record at all: a list of other paths would look like that."""
    for rule, kind in (("exclude", "excluded"), ("leak", "leaks")):
        found: Counter[str] = Counter()
        for leaf in leaves.values():
            found.update(leaf[kind])
        yield from (f"{rule} {what}: speaks against no record" for what, count in found.items() if not count)


def mix_json(mix: Mix) -> str:
    """Print a finished mix for programs: its manifest, and where it lies."""
    return _json({"path": str(mix.path), **mix.manifest.model_dump(mode="json")})


def mix_text(mix: Mix) -> str:
    """Print a finished mix for people."""
    manifest = mix.manifest
    leaves = manifest.model_dump(mode="json")["sources"]
    lines = [_amount_table(leaves, full=False), *_licence_lines(leaves), *_remarks(leaves, ())]
    lines += [
        f"{output.records:,} records, {size(output.bytes)}: {mix.path / output.path}" for output in manifest.outputs
    ]
    if manifest.media:
        where = mix.path / manifest.media.path
        lines.append(f"{manifest.media.files:,} media files, {size(manifest.media.bytes)}: {where}, another media root")
    lines.append(f"mix {manifest.mix_id[:16]}, seed {manifest.seed}; check it with: mixer verify {mix.path}")
    if manifest.data == "miniatures":
        lines.append("This mix is made of invented miniatures; name your raw files with --data DIR for a real one.")
    return "\n".join(lines)


def ledger_values(entry: Entry) -> dict[str, Any]:
    """Give a conversion's ledger as plain JSON values."""
    ledger = entry.ledger
    return {
        "source": ledger.source,
        "options": ledger.options,
        "read": ledger.read,
        "used": ledger.used,
        "skipped": ledger.skipped,
        "bad": ledger.bad,
        "made": ledger.made,
        "media": {"files": ledger.media.files, "bytes": ledger.media.bytes, "path": str(entry.media)},
        "files": [{"path": file.path, "size": file.size, "sha256": file.sha256} for file in ledger.files],
    }


def ledger_json(entry: Entry, *, skipped: bool) -> str:
    """Print a ledger for programs, with the list of lost items if asked for."""
    values = ledger_values(entry)
    return _json({**values, "lost": list(entry.lost())} if skipped else values)


def ledger_text(entry: Entry, out: Path | None) -> str:
    """Print a ledger for people."""
    ledger = entry.ledger
    lost = sum(ledger.skipped.values()), sum(ledger.bad.values())
    row = [ledger.source, *map(number, (ledger.read, ledger.used, *lost, ledger.made))]
    lines = [table(["source", "read", "used", "skipped", "bad", "made"], [row])]
    lines += [f"skipped {count:,}: {reason}" for reason, count in ledger.skipped.items()]
    lines += [f"bad {count:,}: {reason}" for reason, count in ledger.bad.items()]
    if any(lost):
        lines.append(f"list them with: {sources.get(ledger.source).listing}")
    if ledger.media.files:
        lines.append(f"{ledger.media.files:,} media files, {size(ledger.media.bytes)}: {entry.media}")
    lines.append(f"written to {out}" if out else f"converted in the store: {entry.folder}")
    return "\n".join(lines)


def lost_lines(entry: Entry) -> Iterator[str]:
    """List every lost item with its place and reason, one line each."""
    for lost in entry.lost():
        at = f", byte {lost['at']:,}" if "at" in lost else ""
        told = "where" not in lost or lost["reason"].endswith(lost["where"])
        where = "" if told else f" at {lost['where']}"
        also = "".join(f"; {more}" for more in lost.get("also", ()))
        yield f"{lost['file']}: record {lost['item'] + 1:,}{at}: {lost['kind']}: {lost['reason']}{where}{also}"


def sources_text(listed: list[Listed]) -> str:
    """List sources, one line each."""
    rows = [
        [
            each.name,
            each.modality,
            each.task,
            each.language,
            "" if each.records is None else number(each.records),
            each.found,
            cut(each.licence),
        ]
        for each in listed
    ]
    return table(["source", "<modality", "<task", "<language", "records", "<found", "<licence"], rows)


FAMILIES = (
    "Question answering", "Text in images", "Captions", "Grounding", "Dialogue", "Instruction sets and mixes", "Audio",
    "Preference pairs", "Your own data",
)  # fmt: skip
_BY_TASK = {
    "vqa": 0, "ocr": 1, "caption": 2, "grounding": 3, "chat": 4, "instruction": 5, "mix": 5, "preference": 7,
}  # fmt: skip


def _family(each: Listed) -> str:
    """Say under which heading a source stands."""
    if not each.files:
        return FAMILIES[-1]
    return "Audio" if "audio" in each.modality else FAMILIES[_BY_TASK[each.task]]


def sources_markdown(listed: list[Listed]) -> str:
    """List sources as a page of documentation."""
    lines = [
        "# Sources",
        "",
        "Written by `make generate`; `mixer sources NAME` shows a source's options and an example.",
    ]
    for family in FAMILIES:
        rows = [each for each in listed if _family(each) == family]
        lines += [
            "",
            f"## {family}",
            "",
            "| source | dataset | modality | task | language | published records | licence |",
            "| --- | --- | --- | --- | --- | --- | --- |",
        ]
        for each in rows:
            records = "" if each.records is None else number(each.records)
            dataset = f"[{each.title}]({each.homepage})"
            about = (dataset, each.modality, each.task, each.language, records, each.licence)
            lines.append(f"| `{each.name}` | {' | '.join(about)} |")
    lines += [
        "",
        "## Files",
        "",
        "Below the source's folder of the data root, as they are published; options choose which of them are read. A `*`",
        "stands for any name.",
        "",
    ]
    for each in listed:
        files = ", ".join(f"`{path}`" for path in each.files) or "your own"
        images = f"; images, for their sizes: {each.pictures}" if each.pictures else ""
        note = f"; {each.note}" if each.note else ""
        lines.append(f"- `{each.name}`: {files}{images}{note}")
    return "\n".join(lines)


def source_text(each: Listed) -> str:
    """Show one source: its files, options, licence and an example."""
    lines = [
        f"{each.name}: {each.title}",
        f"  homepage  {each.homepage}",
        f"  licence   {each.licence}",
        f"  modality  {each.modality}; task {each.task}; language {each.language}",
        *([f"  note      {each.note}"] if each.note else []),
        "  files (below the data root):",
        *(
            f"    {each.name}/{path}  {'found' if there else 'missing'}{'' if path in each.default else ' (other options)'}"
            for path, there in each.files.items()
        ),
    ]
    if each.media:
        lines += ["  media folders (below the media root):", *(f"    {folder}" for folder in each.media)]
    if each.pictures:
        lines.append(f"  sizes of images are read from their headers, so --media is needed: {each.pictures}")
    if each.options:
        lines += ["  options:", *(f"    {name}: {text}" for name, text in each.options.items())]
    if each.example:
        lines += ["  an invented example:", *(f"    {line}" for line in _json(each.example).splitlines())]
    return "\n".join(lines)


def cache_text(contents: list[Content]) -> str:
    """List what a store holds."""
    rows = [[each.source, each.address, each.state, number(each.conversations), size(each.bytes)] for each in contents]
    total = [
        "total",
        "",
        "",
        number(sum(each.conversations for each in contents)),
        size(sum(each.bytes for each in contents)),
    ]
    return table(["source", "<address", "<state", "conversations", "size"], rows, total=total)


def cache_json(contents: list[Content]) -> str:
    """List what a store holds, for programs."""
    return _json([{**vars(each), "path": str(each.path)} for each in contents])


def diff_json(difference: Difference) -> str:
    """Print a difference for programs."""
    return _json(difference.values())

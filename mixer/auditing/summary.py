"""An audit in words: a table of the leaves, and below it what is wrong, with examples and what is known of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mixer.auditing.findings import FINDINGS
from mixer.auditing.known import Known, explained
from mixer.tables import number, size, table

if TYPE_CHECKING:
    import polars as pl

    from mixer.auditing.results import Audit, LeafAudit

SHOWN = 3
"""Examples of each finding that are told."""


def text(audit: Audit) -> str:
    """Tell an audit to people."""
    lines = [_table(audit), *_findings(audit)]
    lines += [
        f"{leaf.name}: {fault.records:,} records: {fault.reason}: {', '.join(fault.examples)}"
        f"{' ...' if fault.records > len(fault.examples) else ''}"
        for leaf in audit.leaves
        for fault in leaf.faults
    ]
    if audit.undecoded:
        lines.append(
            f"of {audit.undecoded:,} other files, such as videos and sounds, only the containers were looked at"
        )
    return "\n".join(lines)


def _table(audit: Audit) -> str:
    bad = dict(audit.bad.unique("media", keep="first", maintain_order=True)["finding"].value_counts().iter_rows())
    findings = [finding for finding in FINDINGS if finding in bad]
    header = ["leaf", "records", "affected", "faulty", "files", *findings, "size"]
    rows = [
        [
            leaf.name,
            *map(number, (leaf.records, leaf.affected, leaf.faulty, leaf.files)),
            *(number(leaf.found.get(finding, 0)) for finding in findings),
            size(leaf.bytes),
        ]
        for leaf in audit.leaves
    ]
    records = (sum(getattr(leaf, name) for leaf in audit.leaves) for name in ("records", "affected", "faulty"))
    files = (audit.files, *(bad[finding] for finding in findings))  # leaves may share files: they do not add up
    return table(header, rows, total=["distinct", *map(number, records), *map(number, files), size(audit.bytes)])


def _findings(audit: Audit) -> Iterator[str]:
    """Tell each leaf's findings, with the first of its media, by path."""
    known = explained(audit.bad)
    for leaf in audit.leaves:
        for finding, count in leaf.found.items():
            mine = _media(audit, leaf.name, finding)
            yield f"{leaf.name}: {count:,} {finding}: {FINDINGS[finding]}"
            yield from (f"    {example}" for example in _examples(mine))
            if finding == "missing" and not leaf.present:
                yield "    none of its files is there: is this the media root that its paths start from?"
            if count > SHOWN:
                yield f"    {_folders(mine)}"
            for files, each in known.get((leaf.name, finding), ()):
                yield f"    known of {files:,}: {each.says} ({each.evidence})"


def _media(audit: Audit, leaf: str, finding: str) -> pl.DataFrame:
    import polars as pl

    mine = audit.bad.filter((pl.col("leaf") == leaf) & (pl.col("finding") == finding))
    return mine.unique("media", keep="first", maintain_order=True)


def _examples(media: pl.DataFrame) -> list[str]:
    lines = []
    for row in media.head(SHOWN).iter_rows(named=True):
        said = f"lies there as {row['sibling']}" if row["sibling"] else row["detail"]
        path = shown(row["media"])
        lines.append(f"{path}: {said}" if said else path)
    return lines


def shown(path: str) -> str:
    """Write a path on one line, whatever it holds."""
    return path if path.isprintable() else ascii(path)


def _folders(media: pl.DataFrame) -> str:
    """Tell in which folders media lie: the first of them by number."""
    import polars as pl

    folder = pl.col("media").str.replace(r"/?[^/]*$", "").alias("folder")
    counts = media.group_by(folder).len().sort("len", "folder", descending=[True, False])
    first = [f"{count:,} in {shown(name) or 'the root'}" for name, count in counts.head(SHOWN).iter_rows()]
    rest = counts.height - len(first)
    return ", ".join(first) + (f", and others in {rest:,} more folders" if rest else "")


def values(audit: Audit) -> dict[str, Any]:
    """Tell an audit to programs; the bad files themselves are in the repair list."""
    known = explained(audit.bad)
    return {
        "name": audit.name,
        "files": audit.files,
        "bytes": audit.bytes,
        "undecoded": audit.undecoded,
        "leaves": {leaf.name: _leaf(audit, leaf, known) for leaf in audit.leaves},
        "problems": list(audit.problems),
    }


def _leaf(audit: Audit, leaf: LeafAudit, known: dict[tuple[str, str], list[tuple[int, Known]]]) -> dict[str, Any]:
    found = {
        finding: {
            "files": count,
            "examples": _examples(_media(audit, leaf.name, finding)),
            "known": [{"files": files, "says": each.says} for files, each in known.get((leaf.name, finding), ())],
        }
        for finding, count in leaf.found.items()
    }
    return {
        "source": leaf.source,
        "records": leaf.records,
        "affected": leaf.affected,
        "faulty": leaf.faulty,
        "files": leaf.files,
        "present": leaf.present,
        "bytes": leaf.bytes,
        "findings": found,
        "faults": [
            {"reason": fault.reason, "records": fault.records, "examples": list(fault.examples)}
            for fault in leaf.faults
        ],
    }

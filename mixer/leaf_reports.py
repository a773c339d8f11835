"""What a plan says of each leaf, as plans print it and manifests keep it."""

from __future__ import annotations

from mixer import curation, manifest, sources
from mixer.exclusion import Compared
from mixer.plans import LeafPlan, Plan
from mixer.recipe import plain_option
from mixer.resolved import Input
from mixer.store import Entry


def leaf_reports(planned: Plan) -> dict[str, manifest.LeafReport]:
    """Describe every leaf of a plan, in recipe order."""
    return {leaf.name: _leaf_report(leaf, planned.records) for leaf in planned.leaves}


def _leaf_report(leaf: LeafPlan, records: int) -> manifest.LeafReport:
    entry, given = leaf.pool.entry, leaf.pool.leaf.input
    ledger, source = entry.ledger, sources.get(entry.ledger.source)
    return manifest.LeafReport(
        source=ledger.source,
        licence=source.licence,
        homepage=source.homepage,
        converter=ledger.converter,
        options=plain_option(ledger.options),
        files=_input_files(entry, given),
        read=ledger.read,
        used=ledger.used,
        skipped=ledger.skipped,
        bad=ledger.bad,
        made=ledger.made,
        losses=leaf.pool.losses,
        compared=[_match_report(compared) for compared in leaf.pool.compared],
        pool=leaf.pool.records,
        ideal=float(leaf.ideal),
        ideal_exact=str(leaf.ideal),
        count=leaf.count,
        mass=leaf.mass,
        epochs=leaf.epochs,
        share=leaf.count / records if records else 0.0,
        min_times=leaf.times[0],
        max_times=leaf.times[1],
        terms=list(source.terms),
        excluded=dict(leaf.pool.found.get(curation.EXCLUDE, {})),
        leaks=dict(leaf.pool.found.get(curation.LEAK, {})),
        tokens=leaf.tokens,
        target_tokens=leaf.target_tokens,
        notes=[*filter(None, [source.note]), *leaf.pool.notes],
    )


def _input_files(entry: Entry, given: Input) -> list[manifest.InputFile]:
    """List what an input was converted from; a user's own file goes by its base name."""
    return [
        manifest.InputFile(path=given.path.name if given.path else file.path, size=file.size, sha256=file.sha256)
        for file in entry.ledger.files
    ]


def _match_report(compared: Compared) -> manifest.MatchReport:
    return manifest.MatchReport(
        rule="except" if compared.rule == "except" else "only",
        source=compared.entry.ledger.source,
        by=compared.match.by,
        options=plain_option(compared.entry.ledger.options),
        files=_input_files(compared.entry, compared.match.input),
        converter=compared.entry.ledger.converter,
        matched=compared.matched,
        removed=compared.removed,
    )

"""What every source keeps: one test over the registry. A source adds a miniature and a golden file, not test code."""

from __future__ import annotations

import json
import shutil
from fractions import Fraction
from pathlib import Path

import msgspec
import pytest
from conftest import multiset, records

from mixer import conversion, sources
from mixer.errors import DamagedFile
from mixer.processes import Workers
from mixer.progress import silent
from mixer.resolved import Input
from mixer.roots import MINIATURES
from mixer.store import Store
from mixer.validate import path_fault

GOLDEN = Path(__file__).parent / "sources"
PUBLISHED = [name for name in sources.names() if not sources.get(name).own_path]


def converted(name, root, cache, **options):
    """Convert a source below a data root; give the store's entry."""
    source = sources.get(name)
    own = root / name / source.files[0].path if source.own_path else None
    given = Input(name, source.options(**options), own)
    with Workers(1) as workers:
        located = conversion.locate(given, root)
        return conversion.convert(located, Store(cache), workers, silent, max_bad=Fraction(1))


def lines(entry):
    """Read an entry's conversations."""
    return [each for part in entry.ledger.parts for each in records(entry.data(part))]


def goldens():
    """List (source, options, golden file); a golden is named expected.jsonl or expected.<option>=<value>.jsonl."""
    for path in sorted(GOLDEN.glob("*/expected*.jsonl")):
        options = dict(part.split("=") for part in path.name.split(".")[1:-1])
        yield pytest.param(path.parent.name, options, path, id=f"{path.parent.name}-{path.stem}")


def parsed(name, options):
    """Read options written in a golden's file name."""
    return sources.parse_options(sources.get(name), [f"{key}={value}" for key, value in options.items()]).model_dump()


@pytest.mark.parametrize(("name", "options", "golden"), list(goldens()))
def test_miniature_converts_to_its_golden(name, options, golden, cache):
    """A miniature gives exactly the conversations that a person reviewed, in order."""
    entry = converted(name, MINIATURES, cache, **parsed(name, options))

    assert "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in lines(entry)) == "".join(
        json.dumps(each, ensure_ascii=False) + "\n" for each in records(golden)
    )
    assert b"".join(entry.data(part).read_bytes() for part in entry.ledger.parts) == golden.read_bytes()


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_source_has_a_golden_and_whole_metadata(name):
    """A source says what it is, and its miniature is covered by a golden file."""
    source = sources.get(name)

    assert (GOLDEN / name / "expected.jsonl").is_file()
    assert all((source.title, source.homepage, source.licence, source.modality, source.task, source.language))
    assert source.files
    assert sources.names() == tuple(sorted(sources.names()))


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_item_is_accounted_for(name, cache):
    """Items read are items used, skipped and bad; every lost item is listed with its reason."""
    entry = converted(name, MINIATURES, cache)
    ledger = entry.ledger

    assert ledger.read == ledger.used + sum(ledger.skipped.values()) + sum(ledger.bad.values())
    assert ledger.made == sum(part.records for part in ledger.parts) == len(lines(entry))
    listed = list(entry.lost())
    assert sum(lost["kind"] == "skipped" for lost in listed) == sum(ledger.skipped.values())
    assert sum(lost["kind"] == "bad" for lost in listed) == sum(ledger.bad.values())
    assert all(lost["reason"] for lost in listed)


@pytest.mark.parametrize("name", PUBLISHED)
def test_keys_are_unique_and_media_stay_below_the_root(name, cache):
    """Every record has a key of its own, a text id and relative media paths."""
    entry = converted(name, MINIATURES, cache)
    index = entry.index(["key", "media", "id"])

    assert index["key"].n_unique() == index.height
    assert not [path for paths in index["media"].to_list() for path in paths if path_fault(path)]
    assert index["id"].null_count() == 0


def rewritten(name, tmp_path, change):
    """Copy a miniature with `change` applied to the records of each file that is no lookup; give the data root."""
    root = tmp_path / "data"
    shutil.copytree(MINIATURES, root)
    source = sources.get(name)
    for file in source.used_files(source.options()):
        path = next(place for place in (root / name / file.path, root / file.path) if place.exists())
        change(path)
    return root


def write_like(path, values):
    """Write records in the container of a file: an array or lines."""
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(each) + "\n" for each in values), encoding="utf-8")
    else:
        path.write_text(json.dumps(values), encoding="utf-8")


@pytest.mark.parametrize("name", PUBLISHED)
def test_file_order_does_not_matter(name, tmp_path, cache):
    """The same records in reverse give the same conversations, ids and keys."""
    before = converted(name, MINIATURES, cache)
    root = rewritten(name, tmp_path, lambda path: write_like(path, records(path)[::-1]))

    after = converted(name, root, cache)

    assert after.ledger.address != before.ledger.address
    assert multiset(lines(after)) == multiset(lines(before))
    assert sorted(after.index(["key"])["key"]) == sorted(before.index(["key"])["key"])


def _parts(record):
    """Count the most conversations that one raw record may give."""
    return len(record.get("conversations", [None]))


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_missing_field_is_a_bad_record_that_names_it(name, tmp_path, cache):
    """Each required field taken from one record in turn makes that record bad, and its neighbours convert."""
    source = sources.get(name)
    whole = converted(name, MINIATURES, cache).ledger
    required = {
        field.encode_name
        for file in source.used_files(source.options())
        for field in msgspec.structs.fields(file.raw_type(source.options()))
        if field.required
    }
    assert required
    for field in sorted(required):
        touched = []

        def drop(path, field=field, touched=touched):
            values = records(path)
            victim = next((each for each in values if field in each), None)
            if victim is not None:
                touched.append(_parts(victim))
                del victim[field]
            write_like(path, values)

        ledger = converted(name, rewritten(name, tmp_path / field, drop), cache).ledger

        assert touched
        new = {reason: count for reason, count in ledger.bad.items() if whole.bad.get(reason, 0) != count}
        assert sum(new.values()) == len(touched), (field, ledger.bad)
        assert all(f"`{field}`" in reason for reason in new)
        assert ledger.used >= whole.used - sum(touched), "its neighbours convert"


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_file_cut_short_is_an_error_with_its_position(name, tmp_path, cache):
    """A raw file that ends in the middle of a record is never taken for a whole one."""

    def cut(path):
        content = path.read_bytes().rstrip()
        path.write_bytes(content[: len(content) * 2 // 3])

    root = rewritten(name, tmp_path, cut)

    with pytest.raises(DamagedFile, match=r"byte \d+"):
        converted(name, root, cache)

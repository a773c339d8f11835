"""What every source keeps: one test over the registry. A source adds a miniature and a golden file, not test code."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from fractions import Fraction
from operator import attrgetter
from pathlib import Path

import msgspec
import pytest
from conftest import multiset, records
from raw_files import is_table, opened, without_column

from mixer import conversion, sources
from mixer.errors import DamagedFile, DataError
from mixer.processes import Workers
from mixer.progress import silent
from mixer.readers import numbered_lines
from mixer.resolved import Input
from mixer.roots import MEDIA, MINIATURES
from mixer.store import Store
from mixer.validate import path_fault

GOLDEN = Path(__file__).parent / "sources"
TOO_NARROW = "too few columns"
"""What a row without a cell is where no header tells which one that is."""
PUBLISHED = [name for name in sources.names() if not sources.get(name).own_path]


def converted(name, root, cache, **options):
    """Convert a source below a data root; give the store's entry."""
    source = sources.get(name)
    own = root / name / source.files[0].path if source.own_path else None
    given = Input(name, source.options(**options), own)
    with Workers(1) as workers:
        located = conversion.locate(given, root, root / MEDIA)
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
    for kind in ("skipped", "bad"):
        assert sum(lost.get("items", 1) for lost in listed if lost["kind"] == kind) == sum(
            getattr(ledger, kind).values()
        )
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
    """Copy a miniature with `change(file, path)` done to each file that is no lookup; give the data root."""
    root = tmp_path / "data"
    shutil.copytree(MINIATURES, root)
    source = sources.get(name)
    for file in source.every_file(source.options()):
        for path in next(filter(None, (sorted(place.glob(file.path)) for place in (root / name, root)))):
            change(file, path)
    return root


def reverse(source, file, path):
    """Reverse a file's records; those that are grouped keep their order in each group, which is that of the turns.

    Files whose lines go together by their numbers are all turned around.
    """
    values, write = opened(path, file.reader)
    if source.grouping is None or file not in source.files or file.reader is numbered_lines:
        write(values[::-1])
        return
    groups = {}
    for number, value in enumerate(values):
        try:
            raw = msgspec.convert(value, file.raw_type(source.options()))
            groups.setdefault(attrgetter(source.grouping.by)(raw), []).append(value)
        except msgspec.ValidationError:
            groups[f"bad {number}"] = [value]
    write([value for group in reversed(groups.values()) for value in group])


@pytest.mark.parametrize("name", PUBLISHED)
def test_file_order_does_not_matter(name, tmp_path, cache):
    """The same records, or groups of them, in reverse give the same conversations, ids and keys."""
    before = converted(name, MINIATURES, cache)
    root = rewritten(name, tmp_path, lambda file, path: reverse(sources.get(name), file, path))

    after = converted(name, root, cache)

    assert after.ledger.address != before.ledger.address
    assert multiset(lines(after)) == multiset(lines(before))
    assert sorted(after.index(["key"])["key"]) == sorted(before.index(["key"])["key"])


def _parts(record):
    """Count the most items that one raw record may hold."""
    return max([1, *(len(value) for value in record.values() if isinstance(value, list))])


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_missing_field_is_a_bad_record_that_names_it(name, tmp_path, cache):
    """Each required field taken from one record in turn makes that record bad, and its neighbours convert."""
    source = sources.get(name)
    whole = converted(name, MINIATURES, cache).ledger
    required = {
        field.encode_name
        for file in source.every_file(source.options())
        for field in msgspec.structs.fields(file.raw_type(source.options()))
        if field.required
    }
    assert required
    for field in sorted(required):
        touched, columns = [], []

        def drop(file, path, field=field, touched=touched, columns=columns):
            if is_table(path, file.reader):
                columns.extend([field] * without_column(path, field))
                return
            values, write = opened(path, file.reader)
            victim = next((each for each in values if field in each), None)
            if victim is not None:
                touched.append(_parts(victim))
                del victim[field]
            write(values)

        root = rewritten(name, tmp_path / field, drop)
        if columns:
            with pytest.raises(DataError, match=f"columns.*{field}"):
                converted(name, root, cache)
            continue
        ledger = converted(name, root, cache).ledger

        assert touched
        new = Counter(ledger.bad) - Counter(whole.bad)
        assert sum(new.values()) == len(touched), (field, ledger.bad)
        assert all(f"`{field}`" in reason or reason == TOO_NARROW for reason in new)
        assert ledger.used >= whole.used - sum(touched), "its neighbours convert"


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_file_cut_short_is_an_error_with_its_position(name, tmp_path, cache):
    """A raw file that ends in the middle of a record is never taken for a whole one."""

    def cut(_file, path):
        content = path.read_bytes().rstrip()
        path.write_bytes(content[: len(content) * 2 // 3])

    root = rewritten(name, tmp_path, cut)

    with pytest.raises(DamagedFile, match=r"byte \d+"):
        converted(name, root, cache)

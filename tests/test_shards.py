"""Shards: several files, each a run of neighbours in the one order; the index says where every record lies."""

from __future__ import annotations

import itertools
import json

import polars as pl
import pytest
from conftest import recipe, records
from hypothesis import given
from hypothesis import strategies as st

from mixer import build, collection, load_recipe, verify
from mixer.data_files import Lines
from mixer.errors import RecipeError
from mixer.resolved import Shards
from mixer.writers import shards


def mix_of(tmp_path, cache, output, name="mix", **more):
    path = recipe(tmp_path, name, sources={"llava_v1_5_mix665k": {"epochs": 2.5}}, output=output)
    return build(path, tmp_path / name, data="miniatures", cache=cache, **more)


@pytest.mark.parametrize("target", ["llava", "jsonl"])
@pytest.mark.parametrize(
    "cut", [{"shards": 4}, {"shard_records": 10}, {"shard_bytes": 3000}, {"shards": 1}, {"shard_bytes": 1}]
)
def test_shards_follow_each_other_in_the_one_order(tmp_path, cache, target, cut):
    """Put together they are the file that is not cut; every record is where the index says; nothing is damaged."""
    whole = mix_of(tmp_path, cache, {"for": target}, "whole")
    mix = mix_of(tmp_path, cache, {"for": target, **cut})

    files = [mix.path / output.path for output in mix.manifest.outputs]
    assert [record for file in files for record in records(file)] == records(
        whole.path / whole.manifest.outputs[0].path
    )
    assert [len(records(file)) for file in files] == [output.records for output in mix.manifest.outputs]
    assert mix.manifest.mix_id == whole.manifest.mix_id
    index = pl.read_parquet(mix.path / "index.parquet")
    with Lines(mix.path, mix.manifest) as lines:
        ids = [json.loads(lines.at(*row))["id"] for row in index.select("shard", "offset", "length").iter_rows()]
    assert ids == index["id"].to_list()
    assert not verify(mix.path).problems
    (leaf,) = collection.find(str(mix.path)).leaves
    assert len(list(leaf.lines())) == len(leaf) == 30


def test_how_shards_are_cut(tmp_path, cache):
    """So many as asked for and alike in size; so many records each; so many bytes at most."""
    by_count = mix_of(tmp_path, cache, {"for": "jsonl", "shards": 4}, "a").manifest.outputs
    by_records = mix_of(tmp_path, cache, {"for": "jsonl", "shard_records": 10}, "b").manifest.outputs
    by_bytes = mix_of(tmp_path, cache, {"for": "jsonl", "shard_bytes": 3000}, "c").manifest.outputs

    assert [output.records for output in by_count] == [18, 19, 19, 19]
    assert by_count[1].path == "a-00001-of-00004.jsonl"
    assert [output.records for output in by_records] == [10] * 7 + [5]
    assert all(output.bytes <= 3000 + output.records for output in by_bytes)  # newlines come on top
    assert all(left.bytes + right.bytes > 3000 for left, right in itertools.pairwise(by_bytes))


def test_memory_changes_no_byte_of_shards(tmp_path, cache):
    """The bounded form writes the same files."""
    output = [{"for": "llava", "shards": 3}, {"for": "jsonl", "shard_records": 7}]

    direct = mix_of(tmp_path, cache, output, "mix").manifest
    bounded = mix_of(tmp_path, cache, output, "mix", memory=1).manifest

    assert direct == bounded


def test_damage_in_a_shard_is_found(tmp_path, cache):
    """The file and the record are named."""
    mix = mix_of(tmp_path, cache, {"for": "jsonl", "shards": 3})
    file = mix.path / "mix-00001-of-00003.jsonl"
    lines = file.read_bytes().split(b"\n")
    lines[0], lines[1] = lines[1], lines[0]
    file.write_bytes(b"\n".join(lines))

    problems = verify(mix.path).problems

    assert any("mix-00001-of-00003.jsonl: expected sha256" in problem for problem in problems)
    assert any("mix-00001-of-00003.jsonl: record 1 " in problem for problem in problems)


def test_one_way_of_cutting(tmp_path):
    """Two are refused where the second is written."""
    path = tmp_path / "mix.yaml"
    path.write_text("mixer: 1\nname: mix\nsources: {gqa: {}}\noutput:\n  for: jsonl\n  shards: 2\n  shard_bytes: 10\n")

    with pytest.raises(RecipeError, match=r"mix\.yaml:7:3: an output is cut in one way, and 'shards' is given"):
        load_recipe(path)


@given(st.lists(st.integers(1, 50), min_size=1), st.sampled_from(["shards", "records", "bytes"]), st.integers(1, 60))
def test_cuts_cover_all_records(lengths, by, value):
    """Ends rise to the number of records; no shard is empty; bytes are kept but for one large record."""
    pieces = [pl.Series(lengths[start : start + 3]) for start in range(0, len(lengths), 3)]

    ends = shards.cuts(pieces, len(lengths), Shards(by, value))

    starts = (0, *ends[:-1])
    assert ends[-1] == len(lengths)
    assert all(start < end for start, end in zip(starts, ends, strict=True))
    for start, end in zip(starts, ends, strict=True):
        if by == "records":
            assert end - start <= value
        if by == "bytes":
            assert sum(lengths[start:end]) <= value or end - start == 1
    if by == "shards":
        sizes = [end - start for start, end in zip(starts, ends, strict=True)]
        assert len(ends) == min(value, len(lengths))
        assert max(sizes) - min(sizes) <= 1


@given(st.lists(st.integers(1, 9), min_size=1, max_size=20), st.lists(st.integers(1, 7), min_size=1, max_size=20))
def test_batches_are_cut_where_shards_end(sizes, steps):
    """Whatever the batches, each shard gets its own records in order."""
    total = sum(sizes)
    ends = sorted({min(sum(steps[: n + 1]), total) for n in range(len(steps))} | {total})
    every = [memoryview(str(n).encode()) for n in range(total)]
    starts = [sum(sizes[:n]) for n in range(len(sizes))]
    batches = [every[start : start + size] for start, size in zip(starts, sizes, strict=True)]

    got = [[bytes(view) for batch in shard for view in batch] for _, shard in shards.by_shard(batches, tuple(ends))]

    edges = [0, *ends]
    assert got == [[bytes(view) for view in every[a:b]] for a, b in zip(edges, ends, strict=False)]

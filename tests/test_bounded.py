"""What outgrows memory is mixed, indexed and grouped in other ways, and gives the same bytes."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import files_of, recipe, write_talk
from hypothesis import given
from hypothesis import strategies as st

from mixer import build, finishing, gathering, memory, mix_index, partitioning, scattering, verify
from mixer.errors import UsageError


@pytest.fixture
def path(tmp_path):
    """Give a recipe of two leaves, one of them shown more than twice."""
    write_talk(tmp_path, "one", 300)
    write_talk(tmp_path, "two", 170, start=250)
    sources = {
        "one": {"use": "llava_json", "path": "one.json", "epochs": 2.3},
        "two": {"use": "llava_json", "path": "two.json", "count": 111},
    }
    return recipe(tmp_path, sources=sources, output={"for": "jsonl"})


@pytest.mark.parametrize("size", [1, 500, 3_000, 30_000])
def test_buckets_of_any_size_give_the_same_mix(path, tmp_path, cache, monkeypatch, size):
    """A record a bucket, some, or very many."""
    direct = files_of(build(path, tmp_path / "direct", cache=cache).path)
    monkeypatch.setattr(partitioning, "SHARE", 1)

    assert files_of(build(path, tmp_path / "bounded", cache=cache, memory=size).path) == direct


@pytest.mark.parametrize(("group", "range_"), [(1, 10), (200, 64), (300, 1 << 17), (1 << 20, 100)])
def test_an_index_made_in_groups_is_the_same(path, tmp_path, cache, monkeypatch, group, range_):
    """However many records of the store are in memory at once, and however many rows are finished at once."""
    whole = build(path, tmp_path / "whole", cache=cache)
    monkeypatch.setattr(mix_index, "GROUP", group)
    monkeypatch.setattr(mix_index, "RANGE", range_)
    monkeypatch.setattr(mix_index, "STEPS", 1000)
    cut = build(path, tmp_path / "cut", cache=cache)

    import polars as pl

    assert cut.manifest.mix_id == whole.manifest.mix_id
    assert pl.read_parquet(cut.path / "index.parquet").equals(pl.read_parquet(whole.path / "index.parquet"))
    assert not verify(cut.path).problems


def test_twins_are_found_a_share_of_the_keys_at_a_time(path, tmp_path, cache, monkeypatch):
    """Five records come twice in each file: their keys differ, and are the same however few are compared at once."""
    import polars as pl

    whole = build(path, tmp_path / "whole", cache=cache).path
    monkeypatch.setattr(finishing, "KEYS", 7)
    cut = build(path, tmp_path / "cut", cache=tmp_path / "other").path

    index = pl.read_parquet(whole / "index.parquet").filter((pl.col("leaf") == "one") & (pl.col("pass") == 0))
    twins = index.filter(pl.struct("id", "digest").is_duplicated())
    assert twins.height == 10
    assert twins["key"].n_unique() == 10
    assert files_of(cut) == files_of(whole)


def test_sources_larger_than_memory_go_through_buckets_by_themselves(path, tmp_path, cache, monkeypatch):
    """Nobody has to ask: what the machine has left decides."""
    direct = files_of(build(path, tmp_path / "direct", cache=cache).path)
    used = []

    class Watched(partitioning.Partitioned):
        def __init__(self, *arguments):
            used.append(arguments)
            super().__init__(*arguments)

    monkeypatch.setattr("mixer.building.available", lambda: 20_000)
    monkeypatch.setattr("mixer.records.Partitioned", Watched)

    assert files_of(build(path, tmp_path / "bounded", cache=cache).path) == direct
    assert len(used) == 1


def test_buckets_are_no_random_access(path, tmp_path, cache, monkeypatch):
    """The bounded form maps one file at a time, so that no more need be in memory."""
    build(path, tmp_path / "direct", cache=cache)
    mapped = []

    def watched(paths, map_files=gathering.map_files):
        mapped.append(len(paths))
        return map_files(paths)

    monkeypatch.setattr(scattering, "map_files", watched)
    monkeypatch.setattr(gathering, "map_files", watched)
    build(path, tmp_path / "bounded", cache=cache, memory=8_000)

    assert set(mapped) == {1}


def test_memory_is_an_option_of_the_command(path, mixer, tmp_path):
    """The bounded form by option and by environment: the same bytes; nonsense is refused before any work."""
    mixer("build", path, "-o", "direct")
    mixer("build", path, "-o", "option", "--memory", "64MiB")
    mixer("build", path, "-o", "environment", env={"MIXER_MEMORY": "1GB"})
    refused = mixer("build", path, "-o", "refused", "--memory", "8", code=2)

    assert files_of(tmp_path / "direct") == files_of(tmp_path / "option") == files_of(tmp_path / "environment")
    assert "memory '8': expected a whole number and MB" in refused.stderr


@given(st.integers(64, 10**6), st.sampled_from(["MB", "GB", "MiB", "GiB"]))
def test_sizes_are_read_exactly(number, unit):
    """MB and GB are powers of ten, MiB and GiB of two."""
    factor = {"MB": 10**6, "GB": 10**9, "MiB": 2**20, "GiB": 2**30}[unit]
    if number * factor < memory.LEAST:
        with pytest.raises(UsageError, match="at least 64 MiB"):
            memory.parse(f"{number}{unit}")
    else:
        assert memory.parse(f"{number}{unit}") == number * factor


@pytest.mark.parametrize("text", ["", "8", "8G", "0MB", "-1GB", "1.5GB", "8 gb", "MB", "1e3MB", "12TB"])
def test_other_sizes_are_refused(text):
    """With what a size looks like."""
    with pytest.raises(UsageError, match="expected a whole number and MB, GB, MiB or GiB"):
        memory.parse(text)


def test_a_machine_has_memory_left():
    """What is measured is more than nothing, and no more than there is."""
    total = int(Path("/proc/meminfo").read_text().split()[1]) * 1024
    assert 0 < memory.available() <= total


@pytest.mark.parametrize(
    ("group", "limits", "expected"),
    [
        ("0::/", {"memory.max": "4000"}, 4000),  # a container sees its own group as the root
        ("0::/slurm/job_7/step_0", {"memory.max": "9000", "slurm/job_7/memory.max": "5000"}, 5000),
        ("0::/slurm/job_7", {"slurm/job_7/memory.max": "max", "slurm/job_8/memory.max": "10"}, 8192),
        ("0::/seen/from/outside", {"memory.max": "3000"}, 3000),
        ("4:memory:/job\n3:cpu:/other", {"memory/job/memory.limit_in_bytes": "2000"}, 2000),
        ("4:cpu,memory:/job", {"memory/job/memory.limit_in_bytes": "2000"}, 2000),
        ("4:memory:/job", {"memory/memory.limit_in_bytes": "9223372036854771712"}, 8192),
    ],
)
def test_the_limits_of_all_groups_around_a_process_hold(tmp_path, group, limits, expected):
    (tmp_path / "proc" / "self").mkdir(parents=True)
    (tmp_path / "proc" / "meminfo").write_text("MemTotal: 90 kB\nMemAvailable:       8 kB\n")
    (tmp_path / "proc" / "self" / "cgroup").write_text(f"{group}\n")
    for path, limit in limits.items():
        (tmp_path / "sys/fs/cgroup" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "sys/fs/cgroup" / path).write_text(f"{limit}\n")
    assert memory.available(tmp_path) == expected

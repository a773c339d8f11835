"""A mix made in slices, by whoever runs the tasks, in any order, twice, after losses, has the bytes of a gathered one."""

from __future__ import annotations

import pickle
import random

import polars as pl
import pytest
from conftest import files_of, recipe, write_talk
from hypothesis import given
from hypothesis import strategies as st

from mixer import build, conversion, mix_index, partitioning, records, selection, verify
from mixer.ordering import mix64_column, salt
from mixer.scattering import Scatter, paths
from mixer.slicing import Stretch
from mixer.tasks import run


class Elsewhere:
    """An engine of other machines: tasks are pickled, done in any order and now and then twice, and workers are lost."""

    def __init__(self, seed: int = 0, count: int = 3) -> None:
        self.count = count
        self.done = self.lost = 0
        self._draw = random.Random(seed)
        self._waiting: dict[int, bytes] = {}
        self._results: dict[int, object] = {}

    def submit(self, task, *, inline=False):
        """See processes.Engine."""
        return self.call(run, task, about="", inline=inline)

    def call(self, function, argument, *, about, inline=False):
        """See processes.Engine."""
        assert isinstance(about, str)
        if inline:
            return lambda: function(argument)
        number = len(self._waiting) + len(self._results)
        self._waiting[number] = pickle.dumps((function, argument))

        def result():
            while number in self._waiting:
                self._run(self._draw.choice(list(self._waiting)))
            return self._results[number]

        return result

    def _run(self, number: int) -> None:
        task = self._waiting.pop(number)
        assert len(task) < 1 << 18, "a task names files, it holds no records"
        if self._draw.random() < 0.5:
            self._lose(pickle.loads(task)[1])
        for _ in range(self._draw.choice([1, 1, 2])):
            function, argument = pickle.loads(task)
            self._results[number] = pickle.loads(pickle.dumps(function(argument)))
            self.done += 1

    def _lose(self, argument) -> None:
        """Leave what a worker may leave that dies half-way, or of which nobody knows that it lives."""
        self.lost += 1
        if isinstance(argument, Scatter):
            for path in paths(argument.out):
                path.with_name(f"{path.name}.0123").write_bytes(b"half")
                path.write_bytes(b"half")

    def settle(self) -> None:
        """See processes.Engine."""
        self._waiting.clear()


LEAVES = {
    "whole": {"use": "llava_json", "path": "one.json"},
    "often": {"use": "llava_json", "path": "one.json", "epochs": 2.3, "where": "turns = 2 and images < 2"},
    "few": {"use": "llava_json", "path": "two.json", "count": 37},
    "capped": {"use": "llava_json", "path": "two.json", "max_per_image": 3, "epochs": 1.5},
}


@pytest.fixture
def sources(tmp_path, monkeypatch):
    """Write two sources of several parts, and make buckets and runs of parts small."""
    write_talk(tmp_path, "one", 300)
    write_talk(tmp_path, "two", 170, start=250)
    monkeypatch.setattr(conversion, "SPAN", 5_000)
    monkeypatch.setattr(conversion, "SMALL", 0)
    monkeypatch.setattr(partitioning, "SMALL", 0)
    monkeypatch.setattr(partitioning, "SHARE", 1)
    return tmp_path


OUTPUTS = {
    "one file": {"for": "jsonl"},
    "by count": {"for": "jsonl", "shards": 5},
    "by records": [{"for": "jsonl", "shard_records": 100}, {"for": "llama_factory", "shards": 3}],
    "by bytes": {"for": "jsonl", "shard_bytes": 9_000},
}


@pytest.mark.parametrize(
    ("order", "output"),
    [
        *(("shuffle", output) for output in OUTPUTS),
        ("blocks", "by records"),
        ("spread", "one file"),
        ("spread", "by bytes"),
    ],
)
def test_slices_give_the_same_bytes(sources, cache, order, output):
    """One process, an engine of other machines: the same files, index and manifest, and nothing left behind."""
    path = recipe(sources, sources=LEAVES, order=order, output=OUTPUTS[output])
    direct = build(path, sources / "direct" / "mix", cache=cache)
    elsewhere = Elsewhere()

    alone = build(path, sources / "alone" / "mix", cache=cache, memory=20_000)
    spread = build(path, sources / "spread" / "mix", cache=cache, workers=elsewhere, memory=20_000)

    assert files_of(alone.path) == files_of(direct.path)
    assert files_of(spread.path) == files_of(direct.path)
    assert elsewhere.done > 8
    assert elsewhere.lost
    assert not verify(spread.path).problems
    assert not list((cache / "slices").iterdir())


@pytest.mark.parametrize("count", [2, 4])
def test_processes_give_the_same_bytes(sources, cache, count):
    """Real processes that share nothing but files."""
    path = recipe(sources, sources=LEAVES, output={"for": "jsonl", "shards": 3})
    direct = build(path, sources / "direct" / "mix", cache=cache, workers=1)

    several = build(path, sources / "several" / "mix", cache=sources / "other", workers=count, memory=20_000)

    assert files_of(several.path) == files_of(direct.path)


@pytest.mark.parametrize("seed", range(2))
def test_the_order_of_tasks_decides_nothing(sources, cache, seed):
    """Whoever ends first, and whatever is lost or done twice."""
    path = recipe(sources, sources=LEAVES, output={"for": "jsonl", "shards": 4})

    made = [
        files_of(build(path, sources / str(each) / "mix", cache=cache, workers=Elsewhere(each), memory=9_000).path)
        for each in (0, seed + 1)
    ]

    assert made[0] == made[1]


def test_a_large_mix_is_made_in_slices(sources, cache, monkeypatch):
    """The order of many records is not held in memory, however much of it there is."""
    path = recipe(sources, sources=LEAVES, output={"for": "jsonl"})
    direct = files_of(build(path, sources / "direct" / "mix", cache=cache).path)
    monkeypatch.setattr(records, "LARGE", 10)
    monkeypatch.setattr(records, "Gathered", None)

    assert files_of(build(path, sources / "sliced" / "mix", cache=cache).path) == direct


def test_tasks_stay_small(sources, cache, monkeypatch):
    """Of what is shown often fewer records are in a run, and no task is told what its source was made from."""
    path = recipe(sources, sources=LEAVES, output={"for": "jsonl"})
    direct = files_of(build(path, sources / "direct" / "mix", cache=cache).path)
    monkeypatch.setattr(partitioning, "ROWS", 240)
    told: list[Scatter] = []

    class Noting(Elsewhere):
        def call(self, function, argument, *, about, inline=False):
            told.extend([argument] if isinstance(argument, Scatter) else [])
            return super().call(function, argument, about=about, inline=inline)

    made = build(path, sources / "mix", cache=cache, workers=Noting())

    assert files_of(made.path) == direct
    assert len({task.entry.folder for task in told}) == 2
    for task in told:
        parts = task.entry.ledger.parts
        passes = {"whole": 1, "often": 3, "few": 1, "capped": 2}
        times = sum(passes[choice.name] for choice in task.choices)
        assert len(parts) == 1 or times * sum(part.records for part in parts) <= 240
        assert not task.entry.ledger.files
    assert any(len(task.entry.ledger.parts) > 1 for task in told)


def test_an_error_leaves_nothing_behind(sources, cache, monkeypatch):
    """A task that fails stops the build; its files are gone, and the next build is whole."""
    path = recipe(sources, sources=LEAVES, output={"for": "jsonl"})
    direct = files_of(build(path, sources / "mix", cache=cache).path)

    class Failing(Elsewhere):
        def _run(self, number):
            if self.done > 3:
                raise OSError("no space")
            super()._run(number)

    with pytest.raises(OSError, match="no space"):
        build(path, sources / "mix", cache=cache, workers=Failing(), memory=20_000)

    assert files_of(sources / "mix") == direct
    assert not list((cache / "slices").glob("*"))
    assert files_of(build(path, sources / "mix", cache=cache, workers=Elsewhere(), memory=20_000).path) == direct


# --- which records a pass shows ------------------------------------------------------------------------------------


@given(
    st.lists(st.integers(0, 2**64 - 1), min_size=2, max_size=80, unique=True),
    st.integers(1, 7),
    st.data(),
)
def test_an_edge_tells_what_selection_chooses(keys, size, data):
    """However few records are looked at once."""
    pool = pl.DataFrame({"row": range(len(keys)), "key": keys}, schema={"row": pl.UInt32, "key": pl.UInt64})
    count = data.draw(st.integers(1, len(keys) - 1))
    edge = selection.edge(lambda: pool.iter_slices(size), len(keys), "leaf", 17, 2, count)

    select = mix64_column(pool["key"], salt("leaf", 17, "select", 2))
    shown = set(pool["row"].filter(select < pl.Series([edge.key], dtype=pl.UInt64))) | set(edge.rows)
    chosen = selection.select(pool, "leaf", 17, 2 * len(keys) + count).filter(pl.col("pass") == 2)

    assert shown == set(chosen["row"])
    assert len(shown) == count


@given(st.lists(st.integers(0, 2**64 - 1), min_size=2, max_size=80, unique=True), st.integers(0, 60), st.data())
def test_an_edge_is_found_wherever_it_lies(keys, lower, data):
    """Also where it is not expected: select keys need not be spread over their range."""
    keys = list(dict.fromkeys(key >> lower for key in keys))
    pool = pl.DataFrame({"row": range(len(keys)), "key": keys}, schema={"row": pl.UInt32, "key": pl.UInt64})
    count = data.draw(st.integers(1, max(1, len(keys) - 1)))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(selection, "mix64_column", lambda keys, _salt: keys)
        patch.setattr(selection, "REACH", 1)
        edge = selection.edge(lambda: pool.iter_slices(50), len(keys), "leaf", 17, 0, count)

    assert edge.key == sorted(keys)[count - 1]
    assert [keys[row] for row in edge.rows] == [edge.key]


def test_ties_at_an_edge_are_settled(monkeypatch):
    """Records of one select key are told apart by id and digest, as selection does."""
    monkeypatch.setattr(selection, "mix64_column", lambda keys, _salt: keys)
    pool = pl.DataFrame({"row": range(6), "key": [5, 9, 9, 9, 9, 12]}, schema={"row": pl.UInt32, "key": pl.UInt64})

    def identity(rows):
        ids = ["a", "d", "c", "e", "b", "f"]
        return rows.select(
            pl.col("row").map_elements(lambda row: ids[row], return_dtype=pl.String).alias("id"),
            pl.lit(b"").alias("digest"),
            pl.lit(0).alias("ordinal"),
        )

    assert selection.edge(lambda: [pool], 6, "leaf", 1, 0, 3, identity) == (9, (4, 2))
    assert set(selection.select(pool, "leaf", 1, 3, identity)["row"]) == {0, 2, 4}


# --- the index -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("records", "rows"), [(40, 10), (41, 11), (7, 10)])
def test_an_index_has_few_row_groups(tmp_path, monkeypatch, records, rows):
    """What describes them is in memory until the last is written, so those of a large mix are larger."""
    monkeypatch.setattr(mix_index, "RANGE", 10)
    monkeypatch.setattr(mix_index, "ROW_GROUPS", 4)
    asked = []
    sink = pl.LazyFrame.sink_parquet

    def noted(frame, path, **options):
        asked.append(options["row_group_size"])
        return sink(frame, path, **options)

    monkeypatch.setattr(pl.LazyFrame, "sink_parquet", noted)
    frame = pl.DataFrame({"row": range(records)})
    frame[:5].write_ipc(tmp_path / "a[1].arrow", compression="lz4")
    frame[5:].write_ipc(tmp_path / "b.arrow")

    mix_index.join([tmp_path / "a[1].arrow", tmp_path / "b.arrow"], tmp_path / "index.parquet", records)

    assert asked == [rows]
    assert pl.read_parquet(tmp_path / "index.parquet").equals(frame)


# --- which rows of which slices ------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 5), max_size=12), st.data())
def test_stretches_are_exactly_what_is_asked(counts, data):
    """Rows of things laid end to end, none twice, in order, no empty stretch."""
    total = sum(counts)
    start = data.draw(st.integers(0, total))
    stop = data.draw(st.integers(start, total))
    every = [(number, row) for number, count in enumerate(counts) for row in range(count)]

    found = partitioning.between(counts, start, stop)

    assert [(each.number, row) for each in found for row in range(each.start, each.stop)] == every[start:stop]
    assert all(each.start < each.stop for each in found)
    assert all(isinstance(each, Stretch) for each in found)

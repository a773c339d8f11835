"""Near-duplicates: pairs are found exactly, no two that stay are alike, and neither order nor blocks decide anything."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixer.errors import DataError, MissingFile, UsageError
from mixer.near import comparing, hamming, large, near_file, rule
from mixer.near.cosine import Cosine, cosine_pairs, squares
from mixer.near.hamming import Hamming
from mixer.near.keeping import keep
from mixer.near.near_file import About
from mixer.near.pairs import CopiesOnly, Gathered, Pairs
from mixer.progress import silent


def vectors(seed, count, width, twins=0.3):
    """Invent vectors, some of which are near others, multiples of others, or equal to others."""
    numbers = np.random.default_rng(seed)
    matrix = numbers.standard_normal((count, width)).astype(np.float32)
    changed = numbers.permutation(count)[: int(count * twins)]
    for to in changed:
        matrix[to] = matrix[numbers.integers(count)] + numbers.choice([0, 0.1, 0.5]) * numbers.standard_normal(width)
    matrix[changed] *= numbers.choice([1, 2, 3e-20], (len(changed), 1)).astype(np.float32)
    return matrix


def reference(matrix, least, groups=None):
    """Give {(i, j): cosine} by float64 and nothing else."""
    exact = matrix.astype(np.float64)
    exact /= np.linalg.norm(exact, axis=1)[:, None]
    cosines = exact @ exact.T
    same = np.ones_like(cosines, bool) if groups is None else groups[:, None] == groups
    found = np.argwhere(np.triu(same & (cosines >= least), 1))
    return {(i, j): cosines[i, j] for i, j in found.tolist()}


def greedy(nodes, alike, threshold):
    """Say by the rule's own words which nodes go: {node: (twin, score)}."""
    kept, gone = [], {}
    for node in range(nodes):
        twins = [(alike[(other, node)], -other) for other in kept if alike.get((other, node), -2) >= threshold]
        if twins:
            score, other = max(twins)
            gone[node] = (-other, score)
        else:
            kept.append(node)
    return gone


def gone_of(kept):
    """Give what went in the reference's form."""
    return {at: (int(kept.twin[at]), float(kept.score[at])) for at in np.flatnonzero(kept.dropped).tolist()}


def search(matrix, **more):
    """Compare all rows of a matrix."""
    return Cosine(matrix, np.arange(len(matrix)), np.array([0, len(matrix)]), **more)


@given(st.integers(0, 2**32), st.integers(1, 60), st.integers(1, 40), st.sampled_from([0.5, 0.7, 0.9, 0.99]))
def test_cosine_pairs_are_those_of_a_float64_reference(seed, count, width, least):
    """All pairs and no other, with their cosines, in any group and block."""
    matrix = vectors(seed, count, width)
    groups = np.random.default_rng(seed).integers(0, 3, count)

    for among in (None, groups):
        expected = reference(matrix, least, among)
        found = cosine_pairs(matrix, least, groups=among, block=7)
        pairs = list(zip(found.first.tolist(), found.second.tolist(), strict=True))
        # One that lies on the threshold but for the reference's own rounding may be on either side.
        unsure = {
            pair
            for pair, score in {**expected, **dict(zip(pairs, found.score, strict=True))}.items()
            if abs(score - least) < 1e-12
        }
        assert set(pairs) - unsure == set(expected) - unsure
        assert pairs == sorted(pairs)
        assert all(
            abs(expected.get(pair, score) - score) < 1e-12 for pair, score in zip(pairs, found.score, strict=True)
        )


@given(st.integers(0, 2**32), st.integers(1, 8), st.permutations(range(24)))
def test_scores_are_the_same_to_the_last_bit_in_any_order_and_block(seed, block, order):
    """Neither the place of a row nor its neighbours in a product change a score."""
    matrix = vectors(seed, 24, 19)
    order = np.array(order)
    whole = cosine_pairs(matrix, 0.3)
    other = cosine_pairs(matrix[order], 0.3, block=block)

    back = {tuple(sorted((int(order[i]), int(order[j])))): s for i, j, s in zip(*vars(other).values(), strict=True)}
    assert back == {(int(i), int(j)): s for i, j, s in zip(*vars(whole).values(), strict=True)}


def test_pairs_on_the_threshold_are_decided_exactly():
    """A cosine that is the threshold is at it; one that float32 cannot tell from it is decided by float64."""
    on = np.array([[3, 4], [5, 0], [0, 1], [1, 1], [7, 1]], np.float32)
    assert {(0, 1): 0.6, (0, 2): 0.8, (3, 4): 0.8}.items() <= dict(
        zip(
            zip(*(vars(cosine_pairs(on, 0.6))[n].tolist() for n in ("first", "second")), strict=True),
            cosine_pairs(on, 0.6).score,
            strict=True,
        )
    ).items()

    turned = np.float64(0.9) + np.linspace(-3e-7, 3e-7, 61)
    near = np.zeros((62, 2), np.float32)
    near[0] = 1, 0
    near[1:, 0] = turned
    near[1:, 1] = np.sqrt(1 - turned**2)
    cosines = near[1:, 0].astype(np.float64) / np.hypot(near[1:, 0].astype(np.float64), near[1:, 1].astype(np.float64))
    found = cosine_pairs(near, 0.9)
    assert set(found.second[found.first == 0].tolist()) == set((1 + np.flatnonzero(cosines >= 0.9)).tolist())
    assert 0 < (cosines >= 0.9).sum() < 61


def test_equal_and_collinear_vectors_score_one():
    """Not more, and not a last digit less."""
    one = np.random.default_rng(1).standard_normal(1024).astype(np.float32)
    found = cosine_pairs(np.stack([one, one, 2 * one, one]), 1.0)

    assert found.score.tolist() == [1.0] * 6


def test_huge_and_tiny_vectors_have_directions_too():
    """Lengths that float32 cannot square change nothing."""
    one = np.random.default_rng(1).standard_normal(64).astype(np.float32)
    found = cosine_pairs(np.stack([one * np.float32(1e-37), one * np.float32(1e37), one]), 0.999)

    assert len(found) == 3


@pytest.mark.parametrize("bad", [0, np.nan, np.inf])
def test_vectors_without_direction_are_refused(bad):
    """A row of zeros, or one that is not finite, is named."""
    matrix = np.ones((3, 4), np.float32)
    matrix[1] = bad

    with pytest.raises(DataError, match="vector 1 of 3"):
        cosine_pairs(matrix, 0.5)


@given(st.lists(st.integers(0, 3), min_size=2, max_size=50), st.integers(0, 10), st.integers(0, 2**32))
def test_hashes_are_found_by_all_their_bits(groups, allowed, seed):
    """All pairs within so many bits, and no other, whatever the pieces are."""
    numbers = np.random.default_rng(seed)
    groups = np.sort(groups)
    hashes = numbers.integers(0, 2**64, len(groups), np.uint64)
    for to in range(0, len(hashes), 2):
        flips = numbers.choice(64, numbers.integers(0, 13), replace=False).astype(np.uint64)
        hashes[to] = hashes[numbers.integers(len(hashes))] ^ np.bitwise_or.reduce(
            np.uint64(1) << flips, initial=np.uint64(0)
        )
    bounds = np.concatenate([[0], np.flatnonzero(np.diff(groups)) + 1, [len(groups)]])
    expected = {
        (i, j): 1 - (int(hashes[i]) ^ int(hashes[j])).bit_count() / 64
        for i in range(len(hashes))
        for j in range(i + 1, len(hashes))
        if groups[i] == groups[j] and (int(hashes[i]) ^ int(hashes[j])).bit_count() <= allowed
    }

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hamming, "CANDIDATES", 5)
        compared = comparing.compare(Hamming(hashes, bounds), [1 - allowed / 64, 1.0])

    found = compared.pairs
    assert expected == dict(
        zip(zip(found.first.tolist(), found.second.tolist(), strict=True), found.score.tolist(), strict=True)
    )
    for threshold, kept in zip(compared.thresholds, compared.kept, strict=True):
        assert gone_of(kept) == greedy(len(hashes), expected, threshold)


def test_hashes_that_say_nothing_are_compared_with_none():
    """Equal or not."""
    hashes = np.array([5, 5, 5, 7, 5], np.uint64)
    found = comparing.compare(Hamming(hashes, np.array([0, 5]), np.array([1, 4])), [0.9]).pairs

    assert list(zip(found.first.tolist(), found.second.tolist(), strict=True)) == [(0, 2), (0, 3), (2, 3)]


def test_hashes_too_far_apart_are_refused():
    """A threshold by which unlike pictures were alike is a mistake."""
    with pytest.raises(UsageError, match=r"19 of 64 bits.*0\.84375"):
        hamming.bits(0.7)


@given(st.integers(0, 2**32), st.integers(0, 40), st.sampled_from([3, 8, 2048]))
def test_no_two_that_stay_are_alike_and_all_that_go_name_their_best_twin(seed, count, block):
    """The search decides as the rule says, at each threshold, and so do the pairs it leaves."""
    matrix = vectors(seed, count, 6, twins=0.6)
    compared = comparing.compare(search(matrix, block=block), [0.9, 0.5, 0.7, 0.5])
    alike = dict(
        zip(
            zip(compared.pairs.first.tolist(), compared.pairs.second.tolist(), strict=True),
            compared.pairs.score.tolist(),
            strict=True,
        )
    )

    assert compared.thresholds == (0.5, 0.7, 0.9)
    for threshold, kept in zip(compared.thresholds, compared.kept, strict=True):
        assert gone_of(kept) == greedy(count, alike, threshold)
        assert gone_of(keep(count, compared.pairs, threshold)) == gone_of(kept)


def test_more_pairs_than_fit_raise_what_the_file_holds_but_not_who_stays():
    """The table is exact at every threshold; the pairs begin at the least threshold for which they fit."""
    matrix = vectors(5, 60, 3)
    every = comparing.compare(search(matrix), [0.5, 0.9, 0.99])
    above = int((every.pairs.score >= 0.9).sum())
    few = comparing.compare(search(matrix, block=7), [0.5, 0.9, 0.99], above)

    assert (every.least, few.least) == (0.5, 0.9)
    assert len(few.pairs) == above < len(every.pairs)
    assert [gone_of(kept) for kept in few.kept] == [gone_of(kept) for kept in every.kept]
    with pytest.raises(DataError, match=r"more than 1 pairs.*--threshold.*--pairs"):
        comparing.compare(search(matrix), [0.5, 0.9], 1)


def test_what_is_gathered_does_not_depend_on_pieces():
    """Pieces of one pair or of all give the same threshold."""
    matrix = vectors(6, 40, 3)
    for block in (1, 5, 40):
        gathered = Gathered([0.2, 0.5, 0.8], 100)
        for piece in search(matrix, block=block).pieces([0.2, 0.5, 0.8], lambda _done: None):
            gathered.take(piece)
        assert gathered.least == (0.5 if len(cosine_pairs(matrix, 0.5)) <= 100 else 0.8)


def test_progress_adds_up():
    """Each search reports all its work."""
    done = []
    one = Cosine(vectors(1, 30, 4), np.arange(30), np.array([0, 11, 12, 30]), block=5)
    two = Hamming(np.arange(30, dtype=np.uint64), np.array([0, 11, 12, 30]))
    for each in (one, two):
        done.clear()
        list(each.pieces([0.9], done.append))
        assert sum(done) == each.work


def test_squares_are_added_in_a_fixed_order():
    """Half to half, so that no library's summation is in a score."""
    row = np.array([[1e8, 1, 1e-8, 3, 5]], np.float32).astype(np.float64)
    one, two, three, four, five = (row[0] ** 2).tolist()

    assert squares(row.astype(np.float32), np.array([0]))[0] == ((one + four) + three) + (two + five)


faiss = pytest.mark.skipif(large.find_spec("faiss") is None, reason="faiss is not installed")


@faiss
@given(st.integers(0, 2**32), st.integers(2, 60))
def test_a_flat_index_finds_the_same(seed, count):
    """Bit for bit, pairs and who stays."""
    matrix = vectors(seed, count, 16)
    own = comparing.compare(search(matrix, block=9), [0.5, 0.9])
    other = comparing.compare(search(matrix, block=13, find=large.by_flat_index), [0.5, 0.9])

    assert [column.tolist() for column in vars(own.pairs).values()] == [
        column.tolist() for column in vars(other.pairs).values()
    ]
    assert [gone_of(kept) for kept in own.kept] == [gone_of(kept) for kept in other.kept]


@faiss
def test_the_approximate_search_says_what_it_missed(monkeypatch):
    """What it finds is true, and the sample's share is that of all where all are the sample."""
    monkeypatch.setattr(large, "SMALL", 100)
    matrix = vectors(3, 1000, 8)
    lists = large.Lists()
    found = comparing.compare(search(matrix, find=lists), [0.8, 0.9])
    missed = lists.missed(search(matrix), [0.8, 0.9])
    monkeypatch.setattr(large, "SAMPLE", 10)
    few = Cosine(matrix, np.arange(1000), np.array([0, 1, 3, 5, 1000]), find=large.Lists())
    comparing.compare(few, [0.8, 0.9])
    assert few.find.missed(few, [0.8, 0.9])[0]["pairs"] < missed[0]["pairs"] / 20

    for each in missed:
        true = reference(matrix, each["threshold"])
        got = int((found.pairs.score >= each["threshold"]).sum())
        assert (each["pairs"], each["missed"]) == (len(true), len(true) - got)
        assert 0 < each["share"] == each["missed"] / each["pairs"] < 0.5


@faiss
def test_the_flat_index_is_for_large_groups(monkeypatch):
    """A group decides, not the sum of them."""
    matrix = vectors(3, 30, 8)
    monkeypatch.setattr(large, "LARGE", 20)

    assert large.exact_find(search(matrix)) is large.by_flat_index
    assert large.exact_find(Cosine(matrix, np.arange(30), np.array([0, 15, 30]))) is not large.by_flat_index
    assert large.exact_find(Cosine(matrix, np.arange(30), np.array([0]))) is not large.by_flat_index


ABOUT = About("images", "cosine", 0.5, within=False, model={"tensor": "pooler_output"})


def written(path, rows, scores, about=ABOUT):
    """Write a file: rows are (item, content, folder), scores {(content, content): score}."""
    items = near_file.with_nodes(
        pl.DataFrame(rows, schema=["item", "content", "folder"], orient="row"), within=about.within
    )
    node = {}
    for _, content, folder, number in items.iter_rows():
        node[(folder, content) if about.within else content] = number
    pairs = sorted((*sorted((node[a], node[b])), score) for (a, b), score in scores.items())
    first, second, score = (np.array(column) for column in zip(*pairs, strict=True)) if pairs else ([], [], [])
    near_file.write(path, items, Pairs(np.array(first, int), np.array(second, int), np.array(score, float)), about)
    return path


ROWS = [("a/1", "c1", "a"), ("a/2", "c2", "a"), ("b/3", "c3", "b"), ("b/4", "c1", "b"), ("b/5", "c4", "b")]
SCORES = {("c1", "c2"): 0.9, ("c2", "c3"): 0.6, ("c1", "c4"): 0.95, ("c3", "c4"): 0.5}


def test_a_file_is_read_as_it_was_written(tmp_path):
    """A pair stands once, with the later content, in the first of its rows."""
    path = written(tmp_path / "near.parquet", ROWS, SCORES)
    frame = pl.read_parquet(path)

    assert dict(frame.schema) == {
        "item": pl.String, "content": pl.String, "folder": pl.String, "twins": pl.List(pl.String), "scores": pl.List(pl.Float64)
    }  # fmt: skip
    assert frame["item"].to_list() == sorted(frame["item"])
    assert frame["twins"].to_list() == [[], ["c1"], ["c2"], [], ["c1", "c3"]]
    assert frame["scores"].to_list() == [[], [0.9], [0.6], [], [0.95, 0.5]]
    assert json.loads(pl.read_parquet_metadata(path)["mixer"])["least"] == 0.5
    near = near_file.read(path)
    assert near.about == ABOUT
    assert near.nodes == 4
    assert list(zip(*(column.tolist() for column in vars(near.pairs).values()), strict=True)) == [
        (0, 1, 0.9), (0, 3, 0.95), (1, 2, 0.6), (2, 3, 0.5)
    ]  # fmt: skip


def test_an_empty_file_is_one(tmp_path):
    """Nothing to compare is no error."""
    path = written(tmp_path / "near.parquet", [], {})

    assert len(near_file.read(path).pairs) == near_file.read(path).nodes == 0


def damaged(path, **columns):
    """Change columns of a file and keep its metadata."""
    told = pl.read_parquet_metadata(path)
    pl.read_parquet(path).with_columns(**columns).write_parquet(path, metadata={"mixer": told["mixer"]})
    return path


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"scores": pl.lit([0.9], pl.List(pl.Float64))}, "one score a twin"),
        (
            {"twins": pl.lit(["c9"], pl.List(pl.String)), "scores": pl.lit([0.9], pl.List(pl.Float64))},
            "'c9', which is no item's",
        ),
        ({"scores": pl.col("scores").list.eval(pl.element() - 0.3)}, "expected 0.5 or more"),
        ({"scores": pl.col("scores").list.eval(pl.element() * float("nan"))}, "expected 0.5 or more"),
        (
            {
                "twins": pl.concat_list("content").list.head(pl.col("twins").list.len()),
                "scores": pl.col("scores").list.head(1),
            },
            "itself",
        ),
        ({"item": pl.lit("a/1")}, "5 rows"),
        ({"content": pl.lit(None, pl.String)}, "lacks a value"),
        ({"folder": pl.lit(3)}, "expected the columns"),
    ],
)
def test_damage_is_found(tmp_path, columns, said):
    """What is not as it was written is named with the file."""
    path = damaged(written(tmp_path / "near.parquet", ROWS, SCORES), **columns)

    with pytest.raises(DataError, match=said) as told:
        near_file.read(path)
    assert str(path) in str(told.value)


def test_other_files_are_refused(tmp_path):
    """None, one that is no Parquet, one of somebody else's, one that was cut."""
    path = tmp_path / "near.parquet"
    with pytest.raises(MissingFile, match="mixer dedup"):
        near_file.about(path)
    path.write_bytes(b"PAR1")
    with pytest.raises(DataError, match="make it again"):
        near_file.about(path)
    pl.DataFrame({"item": ["a"]}).write_parquet(path)
    with pytest.raises(DataError, match="no key 'mixer'"):
        near_file.about(path)
    for told in ("{", "[]", '{"of": 1}', '{"of":"x","method":"cosine","least":0.5,"within":true,"model":null}'):
        pl.DataFrame({"item": ["a"]}).write_parquet(path, metadata={"mixer": told})
        with pytest.raises(DataError, match="make it again"):
            near_file.about(path)
    written(path, ROWS, SCORES)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DataError):
        near_file.read(path)
    written(path, ROWS, SCORES)
    whole = path.read_bytes()
    path.write_bytes(whole[:4] + bytes(200) + whole[204:])
    with pytest.raises(DataError, match="make it again"):
        near_file.read(path)


def judged(path, threshold, *leaves, of="images"):
    """Judge leaves, each a list of records, each a list of items."""
    lists = [pl.Series("items", records, dtype=pl.List(pl.String)) for records in leaves]
    frames = [pl.DataFrame({"row": range(len(records))}) for records in leaves]
    return [(ruling.why.to_list(), dict(ruling.counts)) for ruling in rule.judge(frames, lists, path, threshold, of)]


def test_records_go_with_their_images(tmp_path):
    """The first copy stays; whoever is like it goes and says why; what the file does not know stays and is counted."""
    path = written(tmp_path / "near.parquet", ROWS, SCORES)
    records = [["a/1"], ["a/2"], ["b/3"], ["b/4"], [], ["x"], ["b/3", "b/5", "x"], ["a/1"]]

    ((why, counts),) = judged(path, 0.6, records)

    assert why == [None, "near a/1 (0.90)", None, "near a/1 (1.00)", None, None, "near a/1 (0.95)", None]
    assert counts == {"not in the file": 2}


def test_only_what_is_there_takes_part(tmp_path):
    """An image that no record has drops nothing, and each leaf is judged for itself or all together."""
    path = written(tmp_path / "near.parquet", ROWS, SCORES)

    assert judged(path, 0.6, [["a/2"], ["b/3"]]) == [([None, "near a/2 (0.60)"], {})]
    assert judged(path, 0.7, [["a/2"], ["b/3"]]) == [([None, None], {})]
    assert judged(path, 0.6, [["b/4"]]) == [([None], {})]
    assert judged(path, 0.6, [["b/3"], ["b/5"]], [["a/2"]], []) == [
        (["near a/2 (0.60)", None], {}),
        ([None], {}),
        ([], {}),
    ]
    assert judged(path, 0.6) == []


def test_within_folders_a_content_is_one_in_each(tmp_path):
    """Copies and twins in another folder are no matter; and such a file says nothing about a whole mix."""
    about = About("images", "cosine", 0.5, within=True)
    rows = [*ROWS, ("a/6", "c4", "a")]
    path = written(tmp_path / "near.parquet", rows, {(("a", "c1"), ("a", "c2")): 0.9, (("b", "c1"), ("b", "c4")): 0.95,
                                                     (("a", "c1"), ("a", "c4")): 0.95}, about)  # fmt: skip

    assert judged(path, 0.5, [["b/5"], ["a/6"], ["b/4"], ["a/2"]]) == [(["near b/4 (0.95)", None, None, None], {})]
    with pytest.raises(UsageError, match=r"mixer dedup images --across"):
        judged(path, 0.5, [["a/1"]], [["a/2"]])


def test_files_that_cannot_answer_are_refused(tmp_path):
    """Of the wrong things, or asked for less than they know."""
    path = written(tmp_path / "near.parquet", ROWS, SCORES)

    with pytest.raises(UsageError, match="expected near-duplicates of text, got those of images"):
        judged(path, 0.6, [["a/1"]], of="text")
    with pytest.raises(UsageError, match=r"threshold 0\.4.*0\.5 or more.*--threshold 0\.4"):
        judged(path, 0.4, [["a/1"]])


@given(st.integers(0, 2**32))
def test_a_ruling_is_that_of_the_rule_in_words(seed):
    """Whatever the records and the file: greedy over the contents that are there, and their items."""
    numbers = np.random.default_rng(seed)
    contents = [f"c{numbers.integers(6)}" for _ in range(9)]
    rows = [(f"f/{at}", content, "f") for at, content in enumerate(contents)]
    known = sorted(set(contents))
    scores = {
        (a, b): float(numbers.choice([0.5, 0.7, 0.9])) for a in known for b in known if a < b and numbers.random() < 0.6
    }
    records = [[f"f/{at}" for at in numbers.choice(10, numbers.integers(3), replace=False)] for _ in range(8)]
    threshold = 0.7
    here = sorted({(contents[int(item[2:])], item) for record in records for item in record if item != "f/9"})
    nodes = sorted({content for content, _ in here})
    alike = {(nodes.index(a), nodes.index(b)): score for (a, b), score in scores.items() if a in nodes and b in nodes}
    gone = greedy(len(nodes), alike, threshold)
    stand = dict(reversed(here))
    lost = {}
    for content, item in here:
        node = nodes.index(content)
        if node in gone:
            lost[item] = f"near {stand[nodes[gone[node][0]]]} ({gone[node][1]:.2f})"
        elif item != stand[content]:
            lost[item] = f"near {stand[content]} (1.00)"

    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        ((why, counts),) = judged(written(Path(folder) / "near.parquet", rows, scores), threshold, records)

    assert why == [next((lost[item] for item in record if item in lost), None) for record in records]
    assert counts.get("not in the file", 0) == sum("f/9" in record for record in records)


def test_only_copies_are_alike_by_content():
    """Different contents are no pair, and their score is 0."""
    compared = comparing.compare(CopiesOnly(3), [1.0])

    assert len(compared.pairs) == 0
    assert not compared.kept[0].dropped.any()
    assert CopiesOnly(3).exact(np.array([1]), np.array([2])).tolist() == [0.0]


def test_silence_is_a_progress():
    """Without a bar the search runs all the same."""
    assert len(comparing.compare(search(vectors(1, 20, 4)), [0.9], progress=silent).kept) == 1

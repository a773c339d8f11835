"""What records say, how alike two are, and which of them stay."""

from __future__ import annotations

import itertools
import json
import random
import sys
from dataclasses import dataclass

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixer.collection import Collection
from mixer.conversation import (
    AUDIO,
    GPT,
    HUMAN,
    IMAGE,
    Conversation,
    Turn,
    dialogue,
    digests,
    encode,
    media,
    qa,
    record_keys,
)
from mixer.errors import DataError, UsageError
from mixer.near import near_file, results, rule
from mixer.processes import Workers
from mixer.progress import silent
from mixer.texts import reading, wordings
from mixer.texts.candidates import Banding, band_hashes, banding, by_bands, by_prefixes
from mixer.texts.deduplicating import Asked, dedup
from mixer.texts.informative import informative
from mixer.texts.jaccard import jaccard
from mixer.texts.shingles import shingled, words
from mixer.texts.spoken import normalised, spoken

np = pytest.importorskip("numpy")
pytest.importorskip("rensa")


@dataclass(frozen=True)
class Invented:
    """Records of a leaf, in memory."""

    records: list
    source: str = "invented"
    name: str = "invented"
    media: tuple = ()

    def __len__(self):
        return len(self.records)

    def frames(self, columns):
        """Give index columns."""
        lines = [encode(record) for record in self.records]
        ids = [record.id for record in self.records]
        content = digests(lines, ids)
        seen = {}
        keys = []
        for id, digest in zip(ids, content, strict=True):
            ordinal = seen.setdefault((id, digest), 0)
            seen[id, digest] += 1
            keys += record_keys([id], [digest], ordinal)
        paths = pl.Series([media(record) for record in self.records], dtype=pl.List(pl.String))
        frame = {"id": ids, "key": pl.Series(keys, dtype=pl.UInt64), "digest": content, "media": paths}
        yield pl.DataFrame(frame, schema_overrides={"id": pl.String, "digest": pl.Binary}).select(columns)

    def lines(self):
        """Give the records as lines."""
        yield from map(encode, self.records)


def compared(tmp_path, *leaves, vectors=None, workers=1, **asked):
    """Compare records, all in one leaf unless leaves are given."""
    leaves = [leaf if isinstance(leaf, Invented) else Invented(leaf) for leaf in leaves]
    scratch = tmp_path / "scratch"
    scratch.mkdir(exist_ok=True)
    with Workers(workers) as processes:
        return dedup(Collection("all", "recipe", tuple(leaves)), Asked(**asked), vectors, scratch, processes, silent)


def stays(found, at=0):
    """List the items that stay at a threshold, by its number."""
    fates = results.fates(found.items, found.compared.kept[at])
    return set(fates.filter(pl.col("twin").is_null())["item"])


def items(records, source="invented"):
    (frame,) = Invented(records).frames(["key"])
    return [f"{source}/{key:016x}" for key in frame["key"]]


def said(question, answer, id="1", image=None):
    return qa(id=id, question=question, answer=answer, image=image)


def random_records(count, seed=0, images=(None,)):
    """Invent records of which many are copies of one another with a word or two changed."""
    rng = random.Random(seed)
    vocabulary = [f"word{number}" for number in range(500)]
    texts = []
    for _ in range(count):
        if texts and rng.random() < 0.6:
            text = list(rng.choice(texts))
            for _ in range(rng.choice((0, 1, 1, 2, 5))):
                text[rng.randrange(len(text))] = rng.choice(vocabulary)
        else:
            text = rng.choices(vocabulary, k=rng.choice((1, 2, 3, 8, 30, 80)))
        texts.append(text)
    return [
        said(" ".join(text[: len(text) // 2]) or "?", " ".join(text[len(text) // 2 :]), f"{number}", rng.choice(images))
        for number, text in enumerate(texts)
    ]


def sets_of(records, ngram=3):
    """Make shingles the plain way, as sets of tuples."""
    lists = [words(spoken(record)) for record in records]
    return [{tuple(each[at : at + ngram]) for at in range(max(1, len(each) - ngram + 1))} for each in lists]


def reference(records, least, ngram=3):
    """Compare every two records: pairs of numbers -> similarity."""
    sets = sets_of(records, ngram)
    pairs = itertools.combinations(range(len(records)), 2)
    scores = {(a, b): len(sets[a] & sets[b]) / len(sets[a] | sets[b]) for a, b in pairs}
    return {pair: score for pair, score in scores.items() if score >= least}


def test_what_does_not_matter():
    """Case, blanks, line ends and the form of accents do not matter; punctuation does."""
    one = said("Wo ist das\r\n  Caf\u00e9? ", "An der STRASSE.", image="a/1.jpg")
    other = said("wo ist das cafe\u0301?", "An der Stra\u00dfe.\n", image="b/1.jpg")

    assert spoken(one) == spoken(other) == [(HUMAN, "wo ist das caf\u00e9?"), (GPT, "an der strasse.")]
    assert normalised("No!") != normalised("No")


def test_placeholders():
    """Placeholders of a record's own media are no text; the same token in another record is."""
    with_image = Conversation(
        id="1", image="1.jpg", conversations=[Turn(HUMAN, f"See {IMAGE} and {AUDIO}"), Turn(GPT, "Yes")]
    )

    assert spoken(with_image) == [(HUMAN, "see and <audio>"), (GPT, "yes")]
    assert spoken(said(f"What is {IMAGE}?", "A tag")) == [(HUMAN, "what is <image>?"), (GPT, "a tag")]


def test_roles():
    """Roles are part of what is said, and so are a pair's two answers."""
    turns = [Turn("system", "Be kind."), Turn(HUMAN, "Hi")]
    pair = Conversation(id="1", conversations=turns, chosen=Turn(GPT, "Hello"), rejected=Turn(GPT, "Go"))

    assert spoken(pair) == [("system", "be kind."), (HUMAN, "hi"), ("chosen", "hello"), ("rejected", "go")]


@given(st.text())
def test_normalised_twice(text):
    """Normalising again changes nothing."""
    assert normalised(normalised(text)) == normalised(text)


@pytest.mark.parametrize("request_", sorted(wordings.REQUESTS))
def test_requests(request_):
    """A turn that only asks for a caption or the like tells nothing; within a longer text the same words stay."""
    assert informative(f"{request_}\n") == ""
    assert informative(f"The sign says x{request_}x, why?") == f"The sign says x{request_}x, why?"


@pytest.mark.parametrize("instruction", wordings.INSTRUCTIONS)
def test_instructions(instruction):
    """An instruction goes at the end and at the start, on a line of its own or not."""
    for text in ("{}\n{}", "{}\r\n{}\n", "{} {}"):
        assert informative(text.format("How many kites?", instruction)) == "How many kites?"
        assert informative(text.format(instruction, "How many kites?")) == "How many kites?"
    assert informative(instruction) == ""
    assert informative(f"{instruction}No") == f"{instruction}No"


@pytest.mark.parametrize("template", wordings.TEMPLATES)
def test_templates(template):
    """Of a template stays what was put into it."""
    filled = template.replace("{}", "a red kite", 1).replace("{}", "the sea")

    assert informative(filled).startswith("a red kite")
    assert informative(filled).endswith("the sea" if template.count("{}") > 1 else "a red kite")


def test_several_at_once():
    """One wording after the other is taken out."""
    caption = f"{wordings.prompts.ONE_SENTENCE}\nReference OCR token: EGGS, 12"

    assert informative(caption) == ""
    assert informative("What is it?\nReference OCR token: \nAnswer the question using a single word or phrase.") == (
        "What is it?"
    )


def test_answers_stay():
    """Only questions lose wordings."""
    record = said("What is this?", "What is this?")

    assert spoken(record, only_informative=True) == [(GPT, "what is this?")]


@given(st.lists(st.sampled_from([*wordings.INSTRUCTIONS, *wordings.REQUESTS, "a kite", "\n", " "])))
def test_again(parts):
    """Doing it again changes nothing."""
    once = informative("\n".join(parts))

    assert informative(once) == once


texts = st.lists(st.sampled_from(["a", "b", "c", "1 + 1", "1 - 1", "\u72ac\u732b", "kite,", "!"]), max_size=12)


def test_words():
    """Letters and digits in a row are a word, so are operators and each Chinese character; punctuation is not."""
    turns = [(HUMAN, "what's 2+2, \u72ac\u3068cat?"), (GPT, "\U0001f600!")]

    told = words(turns)

    assert told == [
        "\0human", "what", "s", "2", "+", "2", "\u72ac", "\u3068", "cat", "\0gpt", "\0\U0001f600!"
    ]  # fmt: skip


@given(st.lists(texts, min_size=1, max_size=8), st.integers(1, 6))
def test_exact_similarity(told, ngram):
    """Similarities of hashed sets are those of the sets."""
    records = [said(" ".join(each) or "?", "yes", f"{number}") for number, each in enumerate(told)]
    made = shingled([words(spoken(record)) for record in records], ngram)

    expected = reference(records, 0.0, ngram)

    assert made.sizes.tolist() == [len(each) for each in sets_of(records, ngram)]
    for (one, other), score in expected.items():
        assert jaccard(made, np.array([one]), np.array([other]), 0.0).tolist() == [score]


@given(st.lists(texts, max_size=6))
def test_company(told):
    """A text's shingles do not depend on the texts beside it, nor on its length."""
    lists = [words([(HUMAN, " ".join(each))]) for each in told] + [[]]
    together = shingled(lists, 3)

    for row, each in enumerate(lists):
        assert together.set_of(row).tolist() == shingled([each], 3).hashes.tolist()


def test_pinned():
    """Hashes never change: files of near-duplicates name contents by them."""
    made = shingled([words([(HUMAN, "a red kite")])], 3)

    assert [f"{each:016x}" for each in made.hashes.tolist()] == PINNED


PINNED = ["28d76c925f84c584", "52329a2ce7747871"]


def test_banding():
    """Bands are as long as they may be to find 99 of 100 pairs at the lowest threshold."""
    assert banding(128, 0.8) == Banding(21, 6)
    assert Banding(21, 6).missed(0.8) == pytest.approx((1 - 0.8**6) ** 21)
    assert banding(128, 1.0) == Banding(1, 128)
    assert banding(16, 0.01) == Banding(16, 1)


@given(st.integers(16, 512), st.floats(0.1, 1))
def test_recall(permutations, least):
    """More alike pairs are missed less, and no longer bands would do."""
    cut = banding(permutations, least)

    assert cut.bands * cut.rows <= permutations
    assert cut.missed(1.0) == 0
    assert cut.missed(least) >= cut.missed(min(1.0, least + 0.05))
    if cut.rows < permutations and cut.rows > 1:
        assert Banding(permutations // (cut.rows + 1), cut.rows + 1).missed(least) > 0.01


@given(st.lists(st.tuples(texts, st.integers(0, 1)), max_size=12), st.sampled_from([0.3, 0.5, 0.8, 1.0]))
def test_prefixes_miss_nothing(told, least):
    """Without MinHash every pair of a group that is alike enough is proposed, once."""
    records = [said(" ".join(each) or "?", "yes", f"{number}") for number, (each, _) in enumerate(told)]
    groups = np.array([group for _, group in told], np.uint64)
    made = shingled([words(spoken(record)) for record in records], 3)

    proposed = listed(by_prefixes(made, groups, least))

    alike = {pair for pair in reference(records, least) if groups[pair[0]] == groups[pair[1]]}
    assert alike <= set(proposed)
    assert len(proposed) == len(set(proposed))


def test_bands_of_many():
    """A bucket of many is paired whole, each pair once, and groups apart."""
    bands = np.array([[1, 2]] * 40 + [[1, 3]] * 20, np.uint64)
    groups = np.array(([0] * 30 + [1] * 10) + [0] * 20, np.uint64)
    steps = []

    proposed = listed(by_bands(bands, groups, steps.append))

    assert len(proposed) == len(set(proposed)) == 50 * 49 // 2 + 10 * 9 // 2
    assert sum(steps) == bands.size


def test_share_that_is_found():
    """MinHash proposes the share of pairs that the report says, or more."""
    records = random_records(1_500, seed=5)
    made = shingled([words(spoken(record)) for record in records], 3)
    groups = np.zeros(len(records), np.uint64)
    found = set(listed(by_bands(band_hashes(made, 128, banding(128, 0.5)), groups, lambda _: None)))
    expected = set(listed(by_prefixes(made, groups, 0.5)))
    alike = {
        pair for pair, score in zip(expected, jaccard(made, *np.array([*expected]).T, 0.5), strict=True) if score >= 0.5
    }

    assert len(alike) > 1_000
    assert len(alike & found) >= 0.99 * len(alike)


def listed(pieces):
    """List proposed pairs, the smaller number first."""
    return [
        (min(pair), max(pair)) for left, right in pieces for pair in zip(left.tolist(), right.tolist(), strict=True)
    ]


@pytest.mark.parametrize("exhaustive", [False, True])
def test_planted(tmp_path, exhaustive):
    """Of texts that differ in a word one stays; unlike ones all stay."""
    base = [f"w{number}" for number in range(60)]
    changed = [*base[:30], "other", *base[31:]]
    far = [*base[:20], *(f"v{number}" for number in range(40))]
    records = [said("Tell me", " ".join(each), f"{at}") for at, each in enumerate((base, changed, far))]

    found = compared(tmp_path, records, thresholds=(0.8, 0.95), exhaustive=exhaustive)

    one, other, unlike = items(records)
    assert stays(found, 0) in ({one, unlike}, {other, unlike})
    assert stays(found, 1) == {one, other, unlike}
    assert found.compared.pairs.score.tolist() == [pytest.approx(59 / 65)]


@pytest.mark.parametrize("exhaustive", [False, True])
@pytest.mark.parametrize("within", [False, True])
def test_against_all_pairs(tmp_path, exhaustive, within):
    """No two that stay are alike, whatever goes is like one that stays, and the numbers add up."""
    records = random_records(300, seed=1)
    leaves = [Invented(records[:150], "a", "a"), Invented(records[150:], "b", "b")]
    names = items(records[:150], "a") + items(records[150:], "b")
    thresholds = (0.5, 0.8, 1.0)

    found = compared(tmp_path, *leaves, thresholds=thresholds, exhaustive=exhaustive, within=within)

    assert set(names) == set(found.items["item"])
    for at, threshold in enumerate(thresholds):
        kept = stays(found, at)
        alike = {
            (names[one], names[other])
            for one, other in reference(records, threshold)
            if not within or (one < 150) == (other < 150)
        }
        assert not [pair for pair in alike if pair[0] in kept and pair[1] in kept]
        beside = {name for pair in alike if kept & set(pair) for name in pair}
        assert set(names) - kept <= beside
    assert sum(found.records.values()) == 300


@pytest.mark.parametrize("by", ["exact", "minhash"])
def test_order_and_workers(tmp_path, monkeypatch, by):
    """The folder of results is the same, byte for byte, whatever the order of records and the processes."""
    monkeypatch.setattr(reading, "TOGETHER", 50)
    records = random_records(320, seed=2)
    shuffled = random.Random(3).sample(records, len(records))
    asked = {"by": by, "thresholds": (1.0,) if by == "exact" else (0.7, 0.9)}

    results.write(tmp_path / "one", compared(tmp_path, records, **asked))
    results.write(tmp_path / "two", compared(tmp_path, shuffled, workers=2, **asked))

    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert near_file.NAME in files
    for name in files:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name


def test_arithmetic(tmp_path):
    """Similar and kept make up the records, by source and in all."""
    leaves = [Invented(random_records(200, seed=7), "a", "a"), Invented(random_records(90, seed=8), "b", "b")]

    table, _ = results.write(tmp_path / "out", compared(tmp_path, *leaves, thresholds=(0.8, 0.9)))

    assert [row.records for row in (*table.rows, table.total)] == [200, 90, 290]
    for row in (*table.rows, table.total):
        assert all(row.similar[at] + row.kept(at) == row.records for at in range(2))
    assert table.total.similar[0] > table.total.similar[1] > 0


def test_read_again(tmp_path):
    """The file gives the pairs back."""
    found = compared(tmp_path, random_records(200, seed=4), thresholds=(0.6,))
    results.write(tmp_path / "out", found)

    near = near_file.read(tmp_path / "out" / near_file.NAME)

    assert near.about == found.about
    assert near.nodes == found.items["node"].n_unique()
    assert len(found.compared.pairs) > 20
    for column in ("first", "second", "score"):
        assert getattr(near.pairs, column).tolist() == getattr(found.compared.pairs, column).tolist()


def test_rule(tmp_path):
    """What a recipe takes out of its pools is what the table says, by the names that the file gives records."""
    leaves = [Invented(random_records(150, seed=at), name, name) for at, name in enumerate(("a", "b"))]
    found = compared(tmp_path, *leaves, thresholds=(0.6, 0.8), within=False)
    results.write(tmp_path / "out", found)
    frames = [frame for leaf in leaves for frame in leaf.frames(["key"])]
    named = [reading.items_of(leaf.source, frame["key"]) for leaf, frame in zip(leaves, frames, strict=True)]
    lists = [pl.Series([[name] for name in names]) for names in named]

    for at, threshold in enumerate((0.6, 0.8)):
        rulings = rule.judge(frames, lists, tmp_path / "out" / near_file.NAME, threshold, "text")

        left = [
            name for names, ruling in zip(named, rulings, strict=True) for name in names.filter(ruling.why.is_null())
        ]
        assert set(left) == stays(found, at)
        assert not any(ruling.counts for ruling in rulings)


def test_copies(tmp_path):
    """Thousands of copies make no pairs, and one of them stays, by whatever way."""
    records = [said("Hi", "Hello!", f"{number}") for number in range(5_000)] + [said("Hi", "Good bye", "x")]

    for by, thresholds in (("exact", (1.0,)), ("minhash", (0.8,))):
        found = compared(tmp_path, records, by=by, thresholds=thresholds)

        assert len(stays(found)) == 2
        assert items(records)[-1] in stays(found)
        assert len(found.compared.pairs) == 0
        assert found.more["copies"] == 4_999


def test_exact(tmp_path):
    """Exact copies differ in nothing but blanks, case and folders of media."""
    records = [
        said("What is it?", "A kite.", "1", "x/1.jpg"),
        said("what  is it?\n", "A KITE.", "2", "y/1.jpg"),
        said("What is it?", "A kite", "3", "x/1.jpg"),
    ]

    assert len(stays(compared(tmp_path, records, by="exact", thresholds=(1.0,)))) == 2
    assert len(stays(compared(tmp_path, records, by="minhash", thresholds=(1.0,)))) == 1  # no word is another


@pytest.mark.parametrize("by", ["exact", "minhash"])
def test_media(tmp_path, by):
    """The same question of two images is no copy, unless media are left out."""
    records = [said("What is it?", "A kite.", f"{at}", image) for at, image in enumerate(("1.jpg", "2.jpg", None))]

    assert len(stays(compared(tmp_path, records, by=by, thresholds=(1.0,)))) == 3
    assert len(stays(compared(tmp_path, records, by=by, thresholds=(1.0,), media=False))) == 1


def test_media_of_near_texts(tmp_path):
    """Texts that are nearly the same are compared only where the media are the same."""
    records = random_records(400, seed=6, images=("1.jpg", "2.jpg", None))
    found = compared(tmp_path, records, thresholds=(0.6,))
    names = items(records)
    paths = dict(zip(names, map(media, records), strict=True))
    first = found.items.unique("node", keep="first", maintain_order=True).sort("node")["item"]

    pairs = zip(found.compared.pairs.first, found.compared.pairs.second, strict=True)

    alike = [(first[int(one)], first[int(other)]) for one, other in pairs]
    assert len(alike) > 20
    assert all(paths[one] == paths[other] for one, other in alike)


def test_informative(tmp_path):
    """Without the request for a caption two records are told apart by what they say, and the same by that alone."""
    requests = ["Describe the image concisely.", "Give a brief description of the image."]
    records = [said(request, "a red kite over the sea", f"{at}") for at, request in enumerate(requests)]

    assert len(stays(compared(tmp_path, records, by="exact", thresholds=(1.0,)))) == 2
    assert len(stays(compared(tmp_path, records, by="exact", thresholds=(1.0,), informative=True))) == 1


def test_across_sources(tmp_path):
    """A record that two sources hold is one in each of them, and one of all when they are compared."""
    record = said("What is it?", "A kite.")
    leaves = [Invented([record], source, source) for source in ("a", "b")]

    assert stays(compared(tmp_path, *leaves)) == {*items([record], "a"), *items([record], "b")}
    assert stays(compared(tmp_path, *leaves, within=False)) == {*items([record], "a")}


def test_one_source_twice(tmp_path):
    """A record of two leaves of one source counts once; one that stands twice in it counts twice."""
    records = [said("What is it?", "A kite.")] * 2 + random_records(20)
    once = compared(tmp_path, records, thresholds=(0.5,))
    twice = compared(tmp_path, Invented(records), Invented(records[::-1], name="again"), thresholds=(0.5,))

    assert once.items.equals(twice.items)
    assert twice.records == {"invented": 22}
    assert once.compared.pairs.score.tolist() == twice.compared.pairs.score.tolist()


def test_nothing(tmp_path):
    """A collection without records gives an empty table."""
    for asked in ({}, {"exhaustive": True}, {"by": "exact", "thresholds": (1.0,)}):
        table, said_ = results.write(tmp_path / "out", compared(tmp_path, [], **asked))

        assert table.rows == ()
        assert said_["pairs"] == 0


def test_unusual_texts(tmp_path):
    """Signs, single words, no blanks at all and very long words are texts like others."""
    told = [
        "!",
        "?",
        "\U0001f600",
        "a",
        "a b",
        "\u72ac\u306f\u8d70\u308b",
        "\u72ac\u304c\u8d70\u308b",
        "x" * 100_000,
    ]
    records = [dialogue(id=f"{at}", rounds=[(text, text)]) for at, text in enumerate(told)]

    found = compared(tmp_path, records, thresholds=(0.9,), exhaustive=True)

    assert len(stays(found)) == len(told)


def test_too_many_pairs(tmp_path):
    """More pairs than may be held is an error that says so."""
    with pytest.raises(DataError, match=r"more than 5 pairs are alike by 0\.5 or more"):
        compared(tmp_path, random_records(200, seed=1), thresholds=(0.5, 0.9), most=5)


def test_without_the_extra(tmp_path, monkeypatch):
    """Without rensa MinHash says what to install; the exhaustive way does without it."""
    monkeypatch.setitem(sys.modules, "rensa", None)

    with pytest.raises(UsageError, match=r"instruction-mixer\[text-dedup\]"):
        compared(tmp_path, random_records(3))
    assert len(stays(compared(tmp_path, random_records(3), exhaustive=True))) > 0


@dataclass(frozen=True)
class Vectors:
    """Embeddings as they are loaded."""

    keys: list
    matrix: object
    model: object = None


def embedded(names, seed=0, width=8, planted=()):
    """Invent vectors; `planted`: pairs of places of which the second is nearly the first."""
    matrix = np.random.default_rng(seed).standard_normal((len(names), width)).astype(np.float32)
    for one, other in planted:
        matrix[other] = matrix[one]
        matrix[other, 0] += 0.1
    order = sorted(range(len(names)), key=names.__getitem__)
    return Vectors([names[at] for at in order], np.ascontiguousarray(matrix[order]))


@pytest.mark.parametrize("by", ["id", "key"])
def test_pairs(tmp_path, by):
    """Records whose vectors are alike are twins, found by their ids or by their keys."""
    records = [said("What?", f"answer {at}", f"id{at}") for at in range(30)]
    names = [record.id for record in records] if by == "id" else [item[-16:] for item in items(records)]
    vectors = embedded(names, planted=[(3, 20), (4, 5)])

    found = compared(tmp_path, records, vectors=vectors, by="embeddings", thresholds=(0.99,))

    named = items(records)
    assert len(found.compared.pairs) == 2
    assert len(stays(found)) == 28
    assert set(named) - stays(found) <= {named[at] for at in (3, 20, 4, 5)}
    assert found.about.method == "cosine"


def test_groups(tmp_path):
    """Records of other media or sources are not compared, unless that is asked for."""
    one = [said("What?", f"answer {at}", f"id{at}", "1.jpg" if at % 2 else "2.jpg") for at in range(6)]
    other = [said("What?", f"more {at}", f"od{at}", "1.jpg" if at % 2 else "2.jpg") for at in range(6)]
    leaves = [Invented(one, "a", "a"), Invented(other, "b", "b")]
    names = [record.id for record in (*one, *other)]
    vectors = embedded(names, planted=[(0, at) for at in range(1, 12)])

    def count(**asked):
        kept = stays(compared(tmp_path, *leaves, vectors=vectors, by="embeddings", thresholds=(0.9,), **asked))
        return len(kept)

    assert count() == 4
    assert count(media=False) == 2
    assert count(within=False) == 2
    assert count(within=False, media=False) == 1


def test_missing(tmp_path):
    """A record without a vector is an error that names it."""
    records = [said("What?", "a", "1"), said("What?", "b", "2")]

    with pytest.raises(DataError, match="1 of 2 records have no embedding by their id, such as '2' of invented"):
        compared(tmp_path, records, vectors=embedded(["1"]), by="embeddings")


def test_shared_id(tmp_path):
    """Unlike records of one id need a vector each; equal ones share theirs."""
    same = said("What?", "a", "1")

    with pytest.raises(DataError, match="several records that differ, such as '1'"):
        compared(tmp_path, [same, said("What?", "b", "1")], vectors=embedded(["1"]), by="embeddings")
    assert len(stays(compared(tmp_path, [same, same], vectors=embedded(["1"]), by="embeddings"))) == 1


def test_json_is_plain(tmp_path):
    """What table.json says can be read by any program."""
    results.write(tmp_path / "out", compared(tmp_path, random_records(30), thresholds=(0.8,)))

    told = json.loads((tmp_path / "out" / "table.json").read_text(encoding="utf-8"))

    assert told["model"]["bands"] == 21
    assert told["missed"] == {"0.8": pytest.approx(0.0016881, abs=1e-6)}

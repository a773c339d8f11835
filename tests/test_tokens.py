"""Tokens are counted as the docstring says: equal to a plain loop, whatever the workers, and never with a template's."""

from __future__ import annotations

import json
import math
import os

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

from mixer import deriving, tokens, visual_tokens
from mixer.catalogue import convert
from mixer.conversation import AUDIO, IMAGE, VIDEO, Conversation, Turn, encode
from mixer.derived import make
from mixer.errors import DataError, MissingFile, UsageError
from mixer.processes import Workers
from mixer.progress import silent
from mixer.resolved import Tokens
from mixer.store import Store

WORDS = ["what", "is", "this", "a", "red", "kite", "no", "café", "?"]


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    """Train a small byte-level BPE, which asks for padding, truncation and a token at each end."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    made.train_from_iterator(
        [" ".join(WORDS)] * 20,
        trainers.BpeTrainer(vocab_size=300, initial_alphabet=alphabet, special_tokens=["<s>", "</s>", "<pad>"]),
    )
    made.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 1)])
    made.enable_truncation(4)
    made.enable_padding(length=16)
    path = tmp_path_factory.mktemp("model") / "tokenizer.json"
    made.save(str(path))
    return path


def plain(path):
    """Load a tokenizer that cuts and pads nothing; give its count of a text."""
    made = Tokenizer.from_file(str(path))
    made.no_truncation()
    made.no_padding()
    return lambda text: len(made.encode(text, add_special_tokens=False).ids)


def said(*texts, **more):
    """Build a record of turns."""
    roles = ["human", "gpt"] * len(texts)
    return Conversation(
        id="a", conversations=[Turn(role, text) for role, text in zip(roles, texts, strict=False)], **more
    )


def counted(tmp_path, asked, records, table=None):
    """Write the columns of some records."""
    lines = tmp_path / "part.jsonl"
    lines.write_bytes(b"".join(encode(record) + b"\n" for record in records))
    known = tokens.derived(asked, table)
    make(known.maker, lines, tmp_path / "made", known.settings)
    frame = pl.read_parquet(tmp_path / "made")
    assert frame.schema == {"tokens": pl.UInt32, "target_tokens": pl.UInt32}
    return list(frame.iter_rows())


texts = st.lists(st.sampled_from([*WORDS, "\n", IMAGE, "é", "<", "</s>"]), min_size=1).map(" ".join)
conversations = st.lists(st.tuples(texts, texts), min_size=1, max_size=3)


@given(dialogues=st.lists(conversations, min_size=1, max_size=5), each=st.integers(0, 3000))
def test_counts_are_those_of_a_plain_loop(tmp_path_factory, tokenizer, dialogues, each):
    """Every turn by itself; records without an image keep a literal placeholder as text."""
    one = plain(tokenizer)
    records = [said(*(text for pair in pairs for text in pair)) for pairs in dialogues]

    found = counted(tmp_path_factory.mktemp("part"), Tokens(tokenizer, each), records)

    assert found == [
        (sum(one(text) for pair in pairs for text in pair), sum(one(answer) for _, answer in pairs))
        for pairs in dialogues
    ]


def test_placeholders_are_cut_out_and_images_counted(tmp_path, tokenizer):
    """A text is cut at its record's own placeholders; the pieces around them are tokenised one by one."""
    one = plain(tokenizer)
    records = [
        said(f"{IMAGE}\nwhat is this?", "a kite", image="a.jpg"),
        said(f"is {IMAGE} a{IMAGE}{IMAGE}red?", "no", image=["a.jpg", "b.jpg", "a.jpg"]),
        said(f"{VIDEO}{AUDIO}\nwhat {IMAGE}?", "a", video="a.mp4", audio="a.wav"),
        said(IMAGE, "a", image="a.jpg"),
    ]

    found = counted(tmp_path, Tokens(tokenizer, 576), records)

    assert [target for _, target in found] == [one("a kite"), one("no"), one("a"), one("a")]
    assert [every - target for every, target in found] == [
        one("\nwhat is this?") + 576,
        one("is ") + one(" a") + one("red?") + 3 * 576,
        one(f"\nwhat {IMAGE}?"),
        576,
    ]


def test_of_a_pair_both_answers_are_targets(tmp_path, tokenizer):
    """Chosen and rejected count in both columns; an earlier answer is part of the prompt; so is a system text."""
    one = plain(tokenizer)
    record = Conversation(
        id="p",
        conversations=[
            Turn("system", "a red"),
            Turn("human", "what?"),
            Turn("gpt", "kite"),
            Turn("human", "is this a?"),
        ],
        chosen=Turn("gpt", "no kite"),
        rejected=Turn("gpt", "a"),
    )

    ((every, target),) = counted(tmp_path, Tokens(tokenizer), [record])

    assert target == one("no kite") + one("a")
    assert every == target + sum(map(one, ("a red", "what?", "kite", "is this a?")))


def test_batches_and_threads_change_nothing(tmp_path, tokenizer, monkeypatch):
    """However many lines are tokenised at once the columns are the same, and the environment is left as it was."""
    records = [said(f"what is {number}?", "a " * number + "kite") for number in range(40)]
    whole = counted(tmp_path, Tokens(tokenizer), records)
    monkeypatch.setattr(tokens, "BATCH", 1)
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "true")

    assert counted(tmp_path, Tokens(tokenizer), records) == whole
    assert os.environ["TOKENIZERS_PARALLELISM"] == "true"
    assert counted(tmp_path, Tokens(tokenizer), []) == []


def test_a_record_of_too_many_tokens_is_an_error(tmp_path, tokenizer):
    """A count that its column cannot hold is said, with the record."""
    with pytest.raises(DataError, match=r"record 'a': has 4,294,967,29\d tokens"):
        counted(tmp_path, Tokens(tokenizer, (1 << 32) - 1), [said(f"{IMAGE} is", "a", image="a.jpg")])


def test_columns_are_named_by_what_decides_them(tmp_path, tokenizer):
    """A tokenizer's bytes and the tokens of an image do, the folder it lies in does not."""
    copy = tmp_path / "copy.json"
    copy.write_bytes(tokenizer.read_bytes())
    other = tmp_path / "other.json"
    changed = Tokenizer.from_file(str(tokenizer))
    changed.add_tokens([AddedToken("kitekite")])
    changed.save(str(other))
    stem = tokens.derived(Tokens(tokenizer, 1)).stem

    assert tokens.derived(Tokens(copy, 1)).stem == stem
    assert len({stem, tokens.derived(Tokens(other, 1)).stem, tokens.derived(Tokens(tokenizer, 2)).stem}) == 3


def test_tokenizers_of_other_kinds_count_as_the_library_does(tmp_path):
    """A word-level model with a normaliser and an unknown word: the count is the library's."""
    made = Tokenizer(models.WordLevel({"[UNK]": 0, "a": 1, "kite": 2}, unk_token="[UNK]"))
    made.normalizer = normalizers.Lowercase()
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.save(str(tmp_path / "words.json"))

    assert counted(tmp_path, Tokens(tmp_path / "words.json"), [said("A kite, no?", "Kite")]) == [(6, 1)]


def test_what_is_no_tokenizer_is_said(tmp_path):
    """A missing file, another JSON, no JSON: one line that names it."""
    (tmp_path / "other.json").write_text('{"a": 1}')
    (tmp_path / "none.json").write_text("no JSON")
    with pytest.raises(MissingFile, match=r"absent\.json: is missing; name a tokenizer\.json"):
        tokens.derived(Tokens(tmp_path / "absent.json"))
    for name in ("other", "none"):
        with pytest.raises(DataError, match=f"{name}.json: is not a tokenizer.json: "):
            tokens.derived(Tokens(tmp_path / f"{name}.json"))


# --- rules that look at an image's size -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "width", "height", "expected"),
    [
        ("llava_next", 336, 336, 576 + 24 * 25),  # as large as a tile: a grid of two, half of it padding
        ("llava_next", 1000, 1000, 576 + 48 * 49),
        ("llava_next", 672, 336, 576 + 24 * 49),
        ("llava_next", 336, 672, 576 + 48 * 25),
        ("llava_next", 2016, 672, 576 + 24 * 73),
        ("llava_next", 640, 480, 576 + 36 * 49),
        ("llava_next", 300, 200, 576 + 16 * 25),  # fits both grids of two: the tall one comes first
        ("qwen2_vl", 28, 28, 4),  # enlarged to the least
        ("qwen2_vl", 56, 56, 4),
        ("qwen2_vl", 640, 480, 23 * 17),
        ("qwen2_vl", 42, 70, 4),  # 1.5 and 2.5 cells: halves go to the even number
        ("qwen2_vl", 4000, 4000, 128 * 128),  # shrunk to the most
        ("qwen2_vl", 2000, 13, 71),
    ],
)
def test_rules_count_as_published(rule, width, height, expected):
    """Worked by hand from the published code."""
    assert visual_tokens.rule(rule)(width, height) == expected


sides = st.integers(1, 20_000)


@given(width=sides, height=sides)
def test_rules_stay_in_their_published_bounds(width, height):
    """LLaVA-NeXT: one tile and at most four, with newlines; Qwen2-VL: 4 to 16,384 but for roundings of thin images."""
    if max(width, height) / min(width, height) <= 200:
        assert 4 <= visual_tokens.qwen2_vl(width, height) <= 16_384
        cells = round(width / 28), round(height / 28)
        if min(cells) and 4 <= math.prod(cells) <= 16_384:
            assert visual_tokens.qwen2_vl(width, height) == math.prod(cells)
        assert 576 <= visual_tokens.llava_next(width, height) <= 576 + 48 * 49
    else:
        with pytest.raises(ValueError, match="200 to 1"):
            visual_tokens.qwen2_vl(width, height)


def test_an_image_too_narrow_for_any_grid_is_refused():
    """Where the published code has no grid to choose, there is no count."""
    with pytest.raises(ValueError, match="so narrow"):
        visual_tokens.llava_next(1, 10_000)


def test_an_unknown_rule_is_a_usage_error(tokenizer):
    """With the close name, and all there are."""
    with pytest.raises(UsageError, match=r"unknown rule 'llava_nex' \(did you mean 'llava_next'\?\).*qwen2_vl"):
        tokens.derived(Tokens(tokenizer, "llava_nex"))


@pytest.fixture
def pictured(tmp_path, cache):
    """Convert records of images of several sizes; give the entry and the media root."""
    root = tmp_path / "media"
    (root / "a").mkdir(parents=True)
    for name, size in (("a/wide.jpg", (1400, 700)), ("a/small.png", (60, 40)), ("a/tall.png", (90, 300))):
        Image.new("RGB", size).save(root / name)
    shown = [["a/wide.jpg"], ["a/small.png", "a/wide.jpg", "a/small.png"], ["a/tall.png"], []]
    values = [
        {
            "id": f"r{number}",
            **({"image": paths if len(paths) > 1 else paths[0]} if paths else {}),
            "conversations": [
                {"from": "human", "value": IMAGE * len(paths) + "what?"},
                {"from": "gpt", "value": "a kite"},
            ],
        }
        for number, paths in enumerate(shown)
    ]
    (tmp_path / "own.json").write_text(json.dumps(values))
    return convert("llava_json", (), tmp_path / "own.json", cache=cache), root


@pytest.mark.parametrize("rule", visual_tokens.RULES)
@pytest.mark.parametrize("workers", [1, 2])
def test_columns_of_an_entry_by_a_rule(pictured, cache, tokenizer, rule, workers, monkeypatch):
    """Each image by its size, as often as it is shown; made once, and the same in processes of their own."""
    monkeypatch.setattr(deriving, "SMALL", -1)
    entry, root = pictured
    one, count = plain(tokenizer), visual_tokens.RULES[rule]
    asked = Tokens(tokenizer, rule)
    with Workers(workers) as pool:
        table = visual_tokens.table(rule, entry, [root], cache, pool, silent)
        again = visual_tokens.table(rule, entry, [root], cache, pool, silent)
        known = tokens.derived(asked, table)
        knowing = deriving.derive(entry, known, "counting tokens of", Store(cache), pool, silent)

    wide, small, tall = count(1400, 700), count(60, 40), count(90, 300)
    text = one("what?") + one("a kite")
    assert again == table
    assert knowing.index(["tokens", "target_tokens"]).rows() == [
        (text + seen, one("a kite")) for seen in (wide, wide + 2 * small, tall, 0)
    ]


def test_missing_and_unreadable_images_are_named(pictured, cache):
    """A rule cannot count what it cannot see: the first missing one, how many, where it was looked for."""
    entry, root = pictured
    with Workers(1) as pool:
        (root / "a/small.png").write_bytes(b"not an image")
        with pytest.raises(DataError, match=r"small\.png: .*exclude"):
            visual_tokens.table("qwen2_vl", entry, [root], cache, pool, silent)
        (root / "a/small.png").unlink()
        with pytest.raises(MissingFile, match=r"llava_json: 1 of 3 images are missing, a/small\.png first.*--media"):
            visual_tokens.table("qwen2_vl", entry, [root], cache, pool, silent)
        with pytest.raises(MissingFile, match=r"3 of 3 images are missing.*no folder of media was named"):
            visual_tokens.table("qwen2_vl", entry, [], cache, pool, silent)


def test_a_damaged_header_is_said_of_its_image(tmp_path, monkeypatch):
    """Whatever reading a header raises becomes what is wrong with the image."""
    import imagesize

    def broken(_path, *, exif_rotation):
        raise OverflowError

    monkeypatch.setattr(imagesize, "get", broken)
    (tmp_path / "a.jpg").touch()

    assert visual_tokens._size(tmp_path / "a.jpg") == (0, 0, "OverflowError")

"""What a recipe says of its whole mix: licences, tokens, and where mistakes in them are shown."""

from __future__ import annotations

import json

import polars as pl
import pytest
from conftest import recipe

from mixer import build, load_recipe, plan, sources, verify
from mixer.errors import DataError, MissingFile, RecipeError
from mixer.licences import refused_terms
from mixer.recipe import recipe_text
from mixer.resolved import Licences


def talk(id, image=None, answer="Two."):
    question = "How many boats are there?"
    value = {"id": id, "conversations": [{"from": "human", "value": question}, {"from": "gpt", "value": answer}]}
    if image:
        value["image"] = image
        value["conversations"][0]["value"] = f"<image>\n{question}"
    return value


@pytest.fixture
def own(tmp_path, cache):
    """Give what builds a recipe over files of one's own: the finished mix."""

    def run(files, name="mix", **top):
        for stem, content in files.items():
            (tmp_path / f"{stem}.json").write_text(json.dumps(content))
        leaves = {stem: {"use": "llava_json", "path": f"{stem}.json"} for stem in files}
        path = recipe(tmp_path, name, **{"sources": leaves, **top})
        return build(path, tmp_path / "out" / name, cache=cache)

    return run


# --- licences --------------------------------------------------------------------------------------------------------


def test_every_published_source_has_terms():
    """A gate can read each source's licence; only the user's own data has none."""
    known = {"OpenAI", "Flickr", "AI-Hub", "Korean-VQA", "research-only", "various", "unknown"}
    spdx = {"Apache-2.0", "CC-BY-4.0", "CC-BY-NC-4.0", "MS-PL", "BSD-3-Clause"}
    for name in sources.names():
        source = sources.get(name)
        assert source.terms or source.licence == "yours", name
        assert {*source.terms} <= known | spdx, name
        for term in {*source.terms} & spdx - {"BSD-3-Clause"}:
            assert term in source.licence, name
        assert ("OpenAI" in source.terms) == ("OpenAI" in source.licence), name


def test_a_licence_that_is_not_allowed_stops_before_anything_is_converted(tmp_path, cache):
    """Each refused source is named with its reason."""
    path = recipe(
        tmp_path,
        "mix",
        licence={"allow": ["cc-by-4.0"]},
        sources={"gqa": {}, "svit_core_150k": {}, "ocrvqa": {}},
    )

    with pytest.raises(DataError) as caught:
        plan(path, data="miniatures", cache=cache)

    said = str(caught.value).splitlines()
    assert [line.split(":")[0] for line in said] == ["ocrvqa", "mix"]
    assert "not stated, and `unknown: error` refuses that" in said[0]
    assert not cache.exists()


@pytest.mark.parametrize(
    ("terms", "allow", "unknown", "refused"),
    [
        (("CC-BY-4.0", "OpenAI"), ("cc-by-4.0",), "error", ["OpenAI"]),
        (("unknown",), ("MIT",), "error", ["unknown"]),
        (("unknown",), ("MIT",), "allow", []),
        ((), ("MIT",), "error", []),
        (("various",), ("MIT",), "allow", ["various"]),
    ],
)
def test_terms_are_refused_unless_allowed(terms, allow, unknown, refused):
    """All terms must be allowed; the user's own data has none."""
    assert refused_terms(terms, Licences(allow, unknown)) == refused


def test_plan_and_manifest_roll_licences_up(mixer, tmp_path):
    """Each term is told with the records it is about."""
    path = recipe(tmp_path, "mix", sources={"gqa": {}, "llava_v1_5_mix665k": {}})

    told = json.loads(mixer("plan", path, "--data", "miniatures", "--json").stdout)
    shown = mixer("plan", path, "--data", "miniatures").stdout

    counts = {name: leaf["count"] for name, leaf in told["sources"].items()}
    assert told["licences"]["CC-BY-4.0"] == {"leaves": 2, "records": sum(counts.values())}
    assert told["licences"]["OpenAI"] == {"leaves": 1, "records": counts["llava_v1_5_mix665k"]}
    assert f"licences: CC-BY-4.0 ({sum(counts.values())} records), OpenAI (" in shown


# --- tokens ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def tokenizer(tmp_path):
    """Write a tokenizer for which every word is a token."""
    tokenizers = pytest.importorskip("tokenizers")
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel({"?": 0}, unk_token="?"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    made.save(str(tmp_path / "tokenizer.json"))
    return tmp_path / "tokenizer.json"


def test_a_mix_can_be_sized_in_tokens(own, tokenizer):
    """Amounts, plan, manifest and index count the tokenizer's tokens; images by the number that is given."""
    files = {
        "a": [talk(f"a{n}") for n in range(9)],
        "b": [talk(f"b{n}", f"p/{n}.jpg", "Two of them.") for n in range(9)],
    }
    sources = {
        "a": {"use": "llava_json", "path": "a.json", "budget": 18},
        "b": {"use": "llava_json", "path": "b.json", "budget": 36},
    }

    mix = own(files, unit="tokens", tokens={"tokenizer": "tokenizer.json", "image": 10}, sources=sources)

    a, b = mix.manifest.sources["a"], mix.manifest.sources["b"]
    assert (a.count, a.mass, a.tokens, a.target_tokens) == (3, 18, 18, 3)  # 5 words asked, 1 answered
    assert (b.count, b.mass, b.tokens, b.target_tokens) == (2, 36, 36, 6)  # 5 + 3 words and 10 for the image
    index = pl.read_parquet(mix.path / "index.parquet")
    assert index.group_by("leaf").agg(pl.col("tokens", "target_tokens").sum()).sort("leaf").rows() == [
        ("a", 18, 3),
        ("b", 36, 6),
    ]
    assert [each.role for each in mix.manifest.curation] == ["tokenizer"]
    assert mix.manifest.removed is None
    assert not verify(mix.path).problems


def test_target_tokens_can_be_the_unit(own, tokenizer):
    """A budget of answers."""
    mix = own(
        {"a": [talk(f"a{n}", answer="One two three.") for n in range(9)]},
        unit="target_tokens",
        tokens={"tokenizer": "tokenizer.json"},
        sources={"a": {"use": "llava_json", "path": "a.json", "budget": 12}},
    )

    assert (mix.manifest.records, mix.manifest.sources["a"].target_tokens) == (4, 12)


def test_images_of_records_that_are_left_out_need_no_size(tmp_path, cache, tokenizer):
    """A rule for visual tokens cannot see a missing image, and need not when `exclude` or `where` takes its records."""
    image = pytest.importorskip("PIL.Image")
    (tmp_path / "media/p").mkdir(parents=True)
    for name in ("1.jpg", "2.jpg"):
        image.new("RGB", (56, 56)).save(tmp_path / "media/p" / name)
    (tmp_path / "media/p/3.jpg").write_bytes(b"no image")
    talks = [talk(f"r{number}", f"p/{number}.jpg") for number in range(4)] + [talk("t")]
    (tmp_path / "a.json").write_text(json.dumps(talks))
    (tmp_path / "bad.txt").write_text("p/0.jpg\np/3.jpg\n")
    leaf = {"use": "llava_json", "path": "a.json"}
    asked = {"tokens": {"tokenizer": "tokenizer.json", "image": "qwen2_vl"}, "unit": "tokens"}
    recipes = {
        "all": {"sources": {"a": leaf}},
        "excluded": {"sources": {"a": leaf}, "exclude": "bad.txt"},
        "text": {"sources": {"a": {**leaf, "where": "images = 0"}}},
    }
    run = {"cache": cache, "media": tmp_path / "media"}

    for name in ("excluded", "text"):
        mix = build(recipe(tmp_path, name, **recipes[name], **asked), tmp_path / name, **run)
        assert not verify(mix.path).problems
        index = pl.read_parquet(mix.path / "index.parquet")
        counted = {"r1": 10, "r2": 10, "t": 6} if name == "excluded" else {"t": 6}
        assert dict(index.select("id", "tokens").iter_rows()) == counted
    with pytest.raises(MissingFile, match=r"1 of 4 images are missing, p/0\.jpg first.*leave them out with `exclude`"):
        plan(recipe(tmp_path, "all", **recipes["all"], **asked), **run)
    image.new("RGB", (56, 56)).save(tmp_path / "media/p/0.jpg")
    with pytest.raises(DataError, match=r"p/3\.jpg: .*leave it out with `exclude`"):
        plan(recipe(tmp_path, "all", **recipes["all"], **asked), **run)


def test_tokens_need_their_tokenizer(own, tmp_path):
    """Without the file nothing is built."""
    with pytest.raises(MissingFile, match=r"tokenizer\.json: is missing"):
        own({"a": [talk("a")]}, tokens={"tokenizer": "tokenizer.json"})
    assert not (tmp_path / "out" / "mix").exists()


def test_nothing_of_it_changes_a_mix_that_does_not_ask(own, tokenizer):
    """Counting tokens or allowing licences takes nothing out and changes no byte of the data."""
    files = {"a": [talk(f"a{n}") for n in range(9)]}

    plain = own(files)
    counted = own(files, "counted", tokens={"tokenizer": "tokenizer.json"}, licence={"allow": ["MIT"]})

    assert (plain.path / "mix.json").read_bytes() == (counted.path / "counted.json").read_bytes()
    assert plain.manifest.mix_id == counted.manifest.mix_id
    assert (plain.manifest.sources["a"].tokens, counted.manifest.sources["a"].tokens) == (None, 54)


# --- the language ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("top", "said"),
    [
        ("licence: {allow: []}", "5:18: expected at least one entry"),
        ("licence: {allow: [MIT], unknown: warn}", "5:34: expected 'error' or 'allow', got the text 'warn'"),
        ("dedup: {scope: mix}", "5:8: expected `images:` or `text:`, got neither"),
        ("dedup: {images: {file: near.parquet}}", "5:17: key 'threshold' is missing"),
        ("dedup: {images: {file: n.parquet, threshold: 1.5}}", "5:46: expected a likeness above 0 and up to 1"),
        ("dedup: {images: {file: n.parquet, threshold: 90%}}", "5:46: expected a likeness above 0 and up to 1"),
        ("decontaminate: {benchmarks: {}}", "5:29: expected at least one entry"),
        (
            "decontaminate: {benchmarks: {pope: {by: sound}}}",
            "5:41: expected 'id', 'image', 'content', 'perceptual', 'question' or",
        ),
        ("tokens: {tokenizer: t.json, image: -1}", "5:36: expected a whole number of at least 0"),
        ("unit: tokens", "5:7: unit tokens needs `tokens:"),
        ("exclude: []", "5:10: expected at least one entry"),
    ],
)
def test_mistakes_are_shown_where_they_are(tmp_path, top, said):
    """Line, column, what was expected."""
    path = tmp_path / "mix.yaml"
    path.write_text(f"mixer: 1\nname: mix\nsources:\n  gqa: {{}}\n{top}\n")

    with pytest.raises(RecipeError) as caught:
        load_recipe(path)

    assert f"mix.yaml:{said}" in str(caught.value)


def test_paths_belong_to_the_file_that_wrote_them_and_the_text_holds_none(tmp_path):
    """A parent's lists lie beside the parent; the manifest's recipe names them by base name."""
    below = tmp_path / "below"
    below.mkdir()
    (below / "parent.yaml").write_text(
        "mixer: 1\nname: parent\nsources:\n  gqa: {}\nexclude: bad.jsonl\n"
        "dedup: {images: {file: near.parquet, threshold: 0.9}, scope: mix}\n"
        "decontaminate: {benchmarks: {pope: {files: [a.json, b.json]}}, on_leak: drop}\n"
    )
    (tmp_path / "child.yaml").write_text("mixer: 1\nextends: below/parent.yaml\nname: child\n")

    read = load_recipe(tmp_path / "child.yaml")

    assert read.curation.exclude == (below / "bad.jsonl",)
    assert read.curation.dedup.images.file == below / "near.parquet"
    text = recipe_text(read)
    assert text["dedup"] == {"images": {"file": "near.parquet", "threshold": "9/10"}, "scope": "mix"}
    assert text["decontaminate"]["benchmarks"]["pope"]["files"] == ["a.json", "b.json"]
    assert str(tmp_path) not in json.dumps(text)


def test_a_nested_recipes_curation_does_not_count(tmp_path, cache):
    """What is said of a whole mix is the outer recipe's."""
    (tmp_path / "inner.yaml").write_text("mixer: 1\nname: inner\nsources:\n  ocrvqa: {}\nlicence: {allow: [MIT]}\n")
    path = recipe(tmp_path, "mix", sources={"inner": {"recipe": "inner.yaml"}})

    assert plan(path, data="miniatures", cache=cache).records


def test_a_nested_recipes_gates_are_said_not_to_apply(tmp_path, cache):
    """Nobody loses a gate without a word."""
    (tmp_path / "inner.yaml").write_text(
        "mixer: 1\nname: inner\nsources:\n  ocrvqa: {}\nlicence: {allow: [MIT]}\nexclude: gone.txt\n"
    )
    path = recipe(tmp_path, "mix", sources={"inner": {"recipe": "inner.yaml"}})

    planned = plan(path, data="miniatures", cache=cache)

    assert "inner: `licence`, `exclude` of inner.yaml does not apply: only the outer recipe's do" in planned.notes


def test_the_manifest_rolls_licences_up_and_verify_adds_them(own):
    """Term -> leaves and records; an edited sum is found."""
    mix = own(
        {"a": [talk("a1")]}, sources={"gqa": {}, "llava_v1_5_mix665k": {}, "a": {"use": "llava_json", "path": "a.json"}}
    )
    counts = {name: leaf.count for name, leaf in mix.manifest.sources.items()}

    assert mix.manifest.licences["OpenAI"] == {"leaves": 1, "records": counts["llava_v1_5_mix665k"]}
    assert mix.manifest.licences["CC-BY-4.0"] == {"leaves": 2, "records": sum(counts.values()) - 1}
    path = mix.path / "manifest.json"
    told = json.loads(path.read_text())
    told["licences"]["OpenAI"]["records"] += 1
    path.write_text(json.dumps(told))
    assert any(
        "$.licences: is not what the leaves' terms add up to" in problem for problem in verify(mix.path).problems
    )


def test_a_mix_is_described_for_machines_if_asked(own, mixer, tmp_path):
    """croissant.json names every file with its hash; verify looks at it; an export has one too."""
    mix = own({"a": [talk("a1"), talk("a2", "p/1.jpg")]}, croissant=True, output={"for": "jsonl"})

    described = json.loads((mix.path / "croissant.json").read_text())
    (data,) = mix.manifest.outputs
    assert [(each["contentUrl"], each["sha256"]) for each in described["distribution"]] == [(data.path, data.sha256)]
    assert not verify(mix.path).problems
    (mix.path / "croissant.json").write_text("{}")
    assert any("croissant.json: expected" in problem for problem in verify(mix.path).problems)
    mixer("export", mix.path, "--for", "llama_factory", "--croissant", "-o", "export")
    mixer("export", mix.path, "--for", "llama_factory", "-o", "export")
    assert not (tmp_path / "export/croissant.json").exists()

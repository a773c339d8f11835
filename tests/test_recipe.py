"""What a recipe means: amounts, inputs, pool rules, nested and extended recipes, and its text in the manifest."""

import hashlib
import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from mixer import sources
from mixer.errors import RecipeError, UsageError
from mixer.recipe import load_recipe, recipe_text
from mixer.recipe.quantities import integer, positive, share
from mixer.recipe.yaml_scalars import Number
from mixer.resolved import ALL_ONCE, Amount, Group, Leaf, Output, walk
from mixer.schemas import SCHEMAS, conversation_schema, recipe_schema, schema_text, write_schemas
from mixer.shared.pairs import PairOptions
from mixer.sources import Options

HEAD = "mixer: 1\nname: mix\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Give a folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def schema():
    """Give a validator of recipes."""
    return jsonschema.Draft202012Validator(recipe_schema())


@pytest.fixture
def load(folder, schema):
    """Write recipes and load the last of them; what loads must agree with the schema too."""

    def run(*texts, **overrides):
        for number, text in enumerate(texts):
            name = "mix" if number == len(texts) - 1 else f"file{number}"
            Path(f"{name}.yaml").write_text(text, encoding="utf-8")
        recipe = load_recipe("mix.yaml", **overrides)
        for text in texts:
            schema.validate(yaml.safe_load(text))
        return recipe

    return run


def leaf(recipe, name="svit"):
    """Give the leaf of a name."""
    return next(child for child in walk(recipe.children) if child.name == name)


def test_a_short_recipe_takes_all_of_it_once(load):
    """What is not said has a default that changes nothing."""
    recipe = load("mixer: 1\nname: mix\nsources:\n  svit_core_150k: {}\n")

    (only,) = recipe.children
    assert (recipe.name, recipe.seed, recipe.unit, recipe.size) == ("mix", 0, "samples", None)
    assert (recipe.on_short, recipe.order, recipe.outputs) == ("error", "shuffle", (Output("llava", "error"),))
    assert recipe.max_bad == Fraction(1, 100)
    assert only == Leaf("svit_core_150k", replace(only.input, source="svit_core_150k"), ALL_ONCE)
    assert recipe.path == Path("mix.yaml").absolute()


def test_every_key_of_the_top(load):
    """Each key of the top level arrives where it belongs."""
    recipe = load(
        "mixer: 1\nname: mix.v2-final_1\ndescription: All of it.\nseed: 17\nunit: turns\nsize: 600000\n"
        "sources: {svit: {weight: 1}}\non_short: redistribute\norder: blocks\n"
        "output: [{for: llava, inexpressible: drop}, {for: jsonl}]\nmax_bad: 0%\n"
    )

    assert (recipe.name, recipe.seed, recipe.unit, recipe.size) == ("mix.v2-final_1", 17, "turns", 600000)
    assert (recipe.on_short, recipe.order, recipe.max_bad) == ("redistribute", "blocks", 0)
    assert recipe.outputs == (Output("llava", "drop"), Output("jsonl", "error"))


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        ("count: 80000", Amount("count", Fraction(80000))),
        ("epochs: 2", Amount("epochs", Fraction(2))),
        ("epochs: 1.5", Amount("epochs", Fraction(3, 2))),
        ("epochs: 1/3", Amount("epochs", Fraction(1, 3))),
        ("budget: 1000000", Amount("budget", Fraction(1000000))),
        ("share: 12.5%", Amount("share", Fraction(1, 8))),
        ("share: 1/8", Amount("share", Fraction(1, 8))),
        ("share: 100%", Amount("share", Fraction(1))),
        ("weight: 3", Amount("weight", Fraction(3))),
        ("weight: 0.1", Amount("weight", Fraction(1, 10))),
        ("", ALL_ONCE),
    ],
)
def test_amounts_are_exact(load, amount, expected):
    """Amounts are fractions of what is written, not floats near it."""
    assert leaf(load(f"{HEAD}size: 10\nsources:\n  svit: {{{amount}}}\n")).amount == expected


@given(st.decimals(min_value=0, max_value=10**15, places=6))
def test_decimals_are_exact(number):
    """A decimal number means exactly what its digits say."""
    text = f"{number:f}"
    if number > 0:
        assert positive(Number(text)) == Fraction(number)
    else:
        with pytest.raises(ValueError, match="above 0"):
            positive(Number(text))


@given(st.integers(min_value=1, max_value=10**18), st.integers(min_value=1, max_value=10**17))
def test_whole_numbers_and_ratios_are_exact(number, other):
    """Whole numbers and ratios of them come back as they are; a ratio above 1 is no share."""
    assert integer(Number(number), 1) == number
    assert positive(f"{other}/{other + 1}") == share(f"{other}/{other + 1}") == Fraction(other, other + 1)
    with pytest.raises(ValueError, match="up to 100%"):
        share(f"{other + 1}/{other}")


@given(st.decimals(min_value="0.0001", max_value=100, places=4))
def test_percentages_are_exact(percent):
    """A percentage is a hundredth of its digits, and a share given as a number is told as one."""
    assert share(f"{percent:f}%") == Fraction(percent) / 100
    with pytest.raises(ValueError, match=r"expected a share, such as 12.5% or 1/8, got the number"):
        share(Number(f"{percent:f}"))


def test_pool_rules(load):
    """Conditions, matches and caps reach the leaf."""
    svit = leaf(
        load(
            HEAD + "sources:\n"
            "  svit:\n"
            "    where: turns<=20 and subset is not null\n"
            "    except: {source: llava_instruct_150k, options: {file: detail_23k}, by: image, expect: 157712}\n"
            "    only: [{file: eval/a.json}, {file: b.jsonl, by: prompt}]\n"
            "    max_per_image: 1\n"
            "    epochs: 2\n"
            "    max_epochs: 2.5\n"
        )
    )

    assert svit.where is not None
    assert svit.where.text == "turns <= 20 AND subset IS NOT NULL"
    (match,) = svit.except_
    assert (match.input.source, match.by, match.expect) == ("llava_instruct_150k", "image", 157712)
    assert match.input.options.file == "detail_23k"
    assert [(match.input.source, match.input.path, match.by) for match in svit.only] == [
        ("llava_json", Path("eval/a.json").absolute(), "content"),
        ("llava_jsonl", Path("b.jsonl").absolute(), "prompt"),
    ]
    assert (svit.max_per_image, svit.max_epochs) == (1, Fraction(5, 2))


def test_preference_and_instruction_records_are_matched_by_prompt(load, monkeypatch):
    """Their content can never agree, so that their questions are compared unless the recipe says otherwise."""
    rlhf = replace(sources.get("svit_core_150k"), options=PairOptions)
    get = sources.get
    monkeypatch.setattr(sources, "get", lambda name: rlhf if name == "svit_core_150k" else get(name))

    recipe = load(
        HEAD + "sources:\n"
        "  a: {use: svit, except: {source: svit_core_150k}}\n"
        "  b: {use: svit_core_150k, except: {source: svit}}\n"
        "  c: {use: svit_core_150k, except: {source: svit_core_150k}}\n"
        "  d: {use: svit, except: {source: svit_core_150k, by: content}}\n"
    )

    assert [leaf(recipe, name).except_[0].by for name in "abcd"] == ["prompt", "prompt", "content", "content"]


def test_own_files(load, folder):
    """A generic source takes the user's path, column names and prefix; `columns` and `media` become its options."""
    mine = leaf(
        load(
            HEAD + "sources:\n"
            "  mine: {use: llava_json, path: data/../mine.json, columns: {image: img}, media: {strip: /mnt/images}}\n"
        ),
        "mine",
    )

    assert mine.input.source == "llava_json"
    assert mine.input.path == folder / "mine.json"
    assert mine.input.options.columns == {"image": "img"}
    assert mine.input.options.media_strip == "/mnt/images"


def test_columns_and_media_may_stand_among_the_options(load):
    """What the leaf's keys say, options can say as well."""
    written = "{use: llava_json, path: x.json, columns: {id: key}, media: {strip: /x}}"
    as_options = "{use: llava_json, path: x.json, options: {columns: {id: key}, media_strip: /x}}"

    assert load(f"{HEAD}sources: {{x: {written}}}\n").children == load(f"{HEAD}sources: {{x: {as_options}}}\n").children


def test_options_are_judged_strictly(load):
    """Lists become what the source wants; a number is no text, and a text is no number."""
    assert leaf(load(HEAD + "sources: {svit: {options: {parts: [detail]}}}\n")).input.options.parts == ("detail",)
    with pytest.raises(RecipeError, match="expected a list, got the number 3"):
        load(HEAD + "sources: {svit: {options: {parts: 3}}}\n")


def test_files_that_lie_elsewhere(load, folder):
    """Published files are moved one by one; absolute paths stay."""
    files = leaf(
        load(HEAD + "sources: {svit: {files: {conversation.json: ../c.json, referring_qa.json: /x/r.json}}}\n")
    ).input.files

    assert files == {"conversation.json": folder.parent / "c.json", "referring_qa.json": Path("/x/r.json")}


def test_the_files_of_lookups_may_lie_elsewhere(load):
    """A table that a source's records need is one of its files."""
    (lookup,) = {lookup.file.path for lookup in sources.get("svit").lookups}

    assert list(leaf(load(f"{HEAD}sources: {{svit: {{files: {{{lookup}: x.json}}}}}}\n")).input.files) == [lookup]


def test_overrides_replace_the_recipes_own(load):
    """A seed and size from the command line win, and give a size to a recipe without one."""
    recipe = load(HEAD + "seed: 1\nsources: {svit: {weight: 1}}\n", seed=5, size=70)

    assert (recipe.seed, recipe.size) == (5, 70)


class Cropping(Options):
    """Options of kinds that the sources at hand do not have."""

    class Edge(BaseModel):
        """A map inside the options."""

        model_config = ConfigDict(extra="forbid")
        left: int

    ratio: float = Field(default=0.5, ge=0, le=1)
    edge: Edge | None = None
    anything: Any = None


@pytest.fixture
def cropping(monkeypatch):
    """Let svit have those options."""
    get = sources.get
    monkeypatch.setattr(
        sources, "get", lambda name: replace(get(name), options=Cropping) if name == "svit" else get(name)
    )


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ("{ratio: 1.5}", "mix.yaml:3:35: input should be less than or equal to 1, got the number 1.5"),
        ("{ratio: true}", "mix.yaml:3:35: expected a number, got true"),
        ("{edge: {left: 0.5}}", "mix.yaml:3:41: expected a whole number, got the number 0.5"),
        ("{edge: {lefd: 1, left: 1}}", "mix.yaml:3:35: unknown option 'lefd' (did you mean 'left'?)"),
        ("{edge: {}}", "mix.yaml:3:34: option 'left' is missing"),
        ("{edge: 3}", "mix.yaml:3:34: expected a map, got the number 3"),
    ],
)
def test_options_of_any_kind_are_located(load, cropping, options, problem):
    """Bounds, maps inside options and their keys are shown where they are written."""
    with pytest.raises(RecipeError) as caught:
        load(f"{HEAD}sources: {{svit: {{options: {options}}}}}\n")

    assert str(caught.value) == problem


def test_options_of_any_kind_are_read(folder, cropping):
    """Numbers, maps and nulls reach a source's options as JSON's, and its schema knows them."""
    text = HEAD + "sources: {svit: {options: {ratio: 0.25, edge: {left: 3}, anything: [1, 2.5, null]}}}\n"
    (folder / "mix.yaml").write_text(text)

    options = leaf(load_recipe("mix.yaml")).input.options

    assert options == Cropping(ratio=0.25, edge=Cropping.Edge(left=3), anything=[1, 2.5, None])
    jsonschema.validate(yaml.safe_load(text), recipe_schema())


# --- nested ----------------------------------------------------------------------------------------------------------

KOREAN = (
    "mixer: 1\nname: korean\nseed: 99\nunit: turns\nsize: 400\norder: blocks\non_short: shrink\nsources:\n"
    "  svit: {weight: 3, where: turns > 2}\n  llava_json: {path: mine.json, share: 25%}\n"
)


def test_a_nested_recipe_gives_its_sources(load, folder):
    """The nested recipe's sources and amounts arrive as a group; its seed, unit, order and output do not."""
    (folder / "sub").mkdir()
    (folder / "sub" / "korean.yaml").write_text(KOREAN)

    recipe = load(
        f"{HEAD}size: 900\nsources:\n  llava_pretrain: {{weight: 2}}\n  ko: {{recipe: sub/korean.yaml, weight: 1}}\n"
    )

    group = recipe.children[1]
    assert isinstance(group, Group)
    assert (recipe.seed, recipe.unit, recipe.order, recipe.on_short) == (0, "samples", "shuffle", "error")
    assert (group.name, group.amount, group.size) == ("ko", Amount("weight", Fraction(1)), 400)
    assert [child.amount for child in group.children] == [
        Amount("weight", Fraction(3)),
        Amount("share", Fraction(1, 4)),
    ]
    assert leaf(recipe, "llava_json").input.path == folder / "sub" / "mine.json"
    assert [each.name for each in recipe.leaves()] == ["llava_pretrain", "svit", "llava_json"]


def test_a_nested_recipe_without_an_amount(load):
    """Nothing said, the group has no amount of its own, and relative ones inside need the outer size."""
    nested = HEAD + "sources: {svit: {weight: 1}}\n"

    assert load(nested, HEAD + "size: 9\nsources: {ko: {recipe: file0.yaml}}\n").children[0].amount is None
    with pytest.raises(RecipeError, match=r"mix.yaml:3:11: a weight needs `size:`"):
        load(nested, HEAD + "sources: {ko: {recipe: file0.yaml}}\n")


def test_shares_of_a_nested_recipe_without_an_amount_count_with_the_others(load):
    """Shares that stand for themselves add up across the group's edge."""
    nested = HEAD + "sources: {svit: {share: 60%}}\n"

    with pytest.raises(RecipeError, match="add up to 110%"):
        load(nested, HEAD + "size: 9\nsources: {llava_pretrain: {share: 50%}, ko: {recipe: file0.yaml}}\n")
    load(nested, HEAD + "size: 9\nsources: {llava_pretrain: {share: 50%}, ko: {recipe: file0.yaml, share: 1/2}}\n")


def test_the_same_leaf_in_two_places_is_one(load):
    """A leaf may be named again with another amount, however its rules are written."""
    recipe = load(
        HEAD + "sources: {svit: {weight: 1, where: 'turns<=20'}}\n",
        HEAD + "size: 9\nsources:\n  svit: {weight: 2, where: (turns <= 20)}\n  ko: {recipe: file0.yaml, weight: 1}\n",
    )

    assert [each.name for each in recipe.leaves()] == ["svit"]


# --- extends ---------------------------------------------------------------------------------------------------------


def test_a_child_changes_its_parent(load):
    """Maps merge, lists are replaced, an amount replaces an amount of any kind, null removes."""
    base = (
        "mixer: 1\nname: base\nseed: 17\nsize: 100\noutput: [{for: llava}, {for: jsonl}]\nsources:\n"
        "  svit: {weight: 3, max_per_image: 1, options: {parts: [detail, complex]}}\n"
        "  llava_pretrain: {count: 5, where: turns > 1}\n"
        "  svit_core_150k: {}\n"
    )
    child = (
        "mixer: 1\nextends: file0.yaml\nname: child\noutput: [{for: jsonl}]\nsources:\n"
        "  svit: {options: {parts: [referring]}}\n"
        "  svit_core_150k: null\n"
        "  llava_pretrain: {share: 50%, where: null}\n"
        "  textocr_gpt4v: {epochs: 2}\n"
    )

    recipe = load(base, child)

    assert (recipe.name, recipe.seed, recipe.size, recipe.outputs) == ("child", 17, 100, (Output("jsonl"),))
    assert [each.name for each in recipe.leaves()] == ["svit", "llava_pretrain", "textocr_gpt4v"]
    assert leaf(recipe).amount == Amount("weight", Fraction(3))
    assert leaf(recipe).max_per_image == 1
    assert leaf(recipe).input.options.parts == ("referring",)
    assert leaf(recipe, "llava_pretrain").amount == Amount("share", Fraction(1, 2))
    assert leaf(recipe, "llava_pretrain").where is None


def test_an_amount_can_be_removed(load):
    """Without its amount a leaf is taken once."""
    recipe = load(
        HEAD + "sources: {svit: {count: 5}}\n", "mixer: 1\nextends: file0.yaml\nsources: {svit: {count: null}}\n"
    )

    assert leaf(recipe).amount == ALL_ONCE


def test_paths_belong_to_the_file_that_wrote_them(load, folder):
    """A parent in another folder, and a grandparent in a third, keep their own paths."""
    for name, text in {
        "a/top.yaml": HEAD + "sources:\n  one: {use: llava_json, path: one.json}\n  ko: {recipe: nested.yaml}\n",
        "a/nested.yaml": HEAD + "sources: {three: {use: llava_json, path: three.json}}\n",
        "b/middle.yaml": "mixer: 1\nextends: ../a/top.yaml\nsources: {two: {use: llava_json, path: two.json}}\n",
    }.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)

    recipe = load("mixer: 1\nextends: b/middle.yaml\nsources: {two: {except: {file: four.json}}}\n")

    assert {each.name: str(each.input.path.relative_to(folder)) for each in recipe.leaves()} == {
        "one": "a/one.json",
        "two": "b/two.json",
        "three": "a/three.json",
    }
    assert leaf(recipe, "two").except_[0].input.path == folder / "four.json"


def test_a_child_extends_an_incomplete_parent(load, folder):
    """A parent need not be a whole recipe."""
    (folder / "defaults.yaml").write_text("mixer: 1\nseed: 17\norder: spread\n")

    recipe = load("mixer: 1\nname: mix\nextends: defaults.yaml\nsources: {svit: {}}\n")

    assert (recipe.seed, recipe.order) == (17, "spread")


# --- the resolved recipe as text -------------------------------------------------------------------------------------

FULL = (
    HEAD + "seed: 17\nsize: 600\nsources:\n"
    "  svit: {weight: 0.5, where: 'turns<=20', options: {parts: [detail]}, files: {detail_description.json: /a/d.json}}\n"
    "  mine: {use: llava_jsonl, path: x/mine.jsonl, media: {strip: /home/me/images/}, share: 12.5%, max_epochs: 2,\n"
    "         only: {file: /b/eval.json, by: image}, max_per_image: 1}\n"
    "  core: {use: svit_core_150k, except: {source: svit, expect: 3}}\n"
    "  nested: {recipe: file0.yaml, epochs: 3}\n"
)
NESTED = HEAD + "size: 10\nsources: {llava_pretrain: {count: 5}}\n"


def test_recipe_text(load):
    """The manifest's recipe holds exact numbers, base names, options with their defaults, and what was resolved."""
    text = recipe_text(load(NESTED, FULL))

    assert text == {
        "mixer": 1,
        "name": "mix",
        "kind": "instruct",
        "seed": 17,
        "unit": "samples",
        "size": 600,
        "sources": {
            "core": {
                "use": "svit_core_150k",
                "except": [
                    {
                        "source": "svit",
                        "options": {"parts": ["conversation", "complex", "detail", "referring"]},
                        "by": "content",
                        "expect": 3,
                    }
                ],
                "epochs": 1,
            },
            "mine": {
                "use": "llava_jsonl",
                "path": "mine.jsonl",
                "options": {
                    "columns": {},
                    "media_strip": f"images (sha256 {hashlib.sha256(b'/home/me/images/').hexdigest()})",
                },
                "only": [
                    {
                        "source": "llava_json",
                        "path": "eval.json",
                        "options": {"columns": {}, "media_strip": ""},
                        "by": "image",
                    }
                ],
                "max_per_image": 1,
                "share": "1/8",
                "max_epochs": 2,
            },
            "nested": {
                "recipe": {
                    "size": 10,
                    "sources": {
                        "llava_pretrain": {"use": "llava_pretrain", "options": {"file": "chat"}, "count": 5},
                    },
                },
                "epochs": 3,
            },
            "svit": {
                "use": "svit",
                "files": {"detail_description.json": "d.json"},
                "options": {"parts": ["detail"]},
                "where": "turns <= 20",
                "weight": "1/2",
            },
        },
        "on_short": "error",
        "order": "shuffle",
        "output": [{"for": "llava", "inexpressible": "error"}],
        "max_bad": "1/100",
    }
    assert json.loads(json.dumps(text)) == text


def test_recipe_text_does_not_depend_on_how_it_is_written(load):
    """Order of keys, spelling of numbers and conditions, and folders make no difference."""
    one = HEAD + "size: 9\nsources:\n  svit: {weight: 0.5, where: turns > 1}\n  svit_core_150k: {share: 1/8}\n"
    two = (
        "sources:\n  svit_core_150k: {share: 12.50%}\n  svit: {use: svit, where: ( TURNS > 1.0 ), weight: 1/2}\n"
        "size: 9\nseed: 0\nname: mix\nmixer: 1\n"
    ).replace("TURNS", "turns")

    texts = [json.dumps(recipe_text(load(text)), sort_keys=False) for text in (one, two)]

    assert texts[0] == texts[1]


def test_recipe_text_keeps_the_order_of_blocks(load):
    """Where the mix follows the order of the recipe, so does its text."""
    sources_text = "sources: {svit_core_150k: {}, llava_pretrain: {}}\n"

    assert list(recipe_text(load(HEAD + sources_text))["sources"]) == ["llava_pretrain", "svit_core_150k"]
    assert list(recipe_text(load(HEAD + "order: blocks\n" + sources_text))["sources"]) == [
        "svit_core_150k",
        "llava_pretrain",
    ]


# --- schemas ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SCHEMAS)
def test_schemas_are_schemas(name):
    """Each schema is a valid schema of its dialect."""
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[name]())


def test_schemas_are_written_alike_each_time(tmp_path):
    """The generated files depend on nothing but the code."""
    written = [[file.read_bytes() for file in write_schemas(tmp_path / folder)] for folder in "ab"]

    assert written[0] == written[1]
    assert all(data.endswith(b"}\n") for data in written[0])


def test_schemas_are_found_by_name():
    """A schema's text is what its file holds; an unknown name gets a suggestion."""
    assert json.loads(schema_text("conversation")) == conversation_schema()
    with pytest.raises(UsageError, match="did you mean 'recipe'"):
        schema_text("recipes")


@pytest.mark.parametrize(
    "entry",
    [
        {"svit": {"options": {"part": ["detail"]}}},
        {"svit": {"options": {"parts": ["detial"]}}},
        {"x": {"use": "svit", "options": {"part": ["detail"]}}},
        {"x": {"use": "svti"}},
        {"svit": {"weight": "80k"}},
        {"svit": {"share": 0.5}},
        {"svit": {"except": {"source": "svit", "options": {"part": 1}}}},
        {"svit": {"wieght": 1}},
        {"svit": 3},
        {"a/b": {"use": "svit"}},
    ],
)
def test_the_schema_finds_mistakes_too(schema, entry):
    """An editor marks unknown options of a source, under its own name and under `use`."""
    assert not schema.is_valid({"mixer": 1, "name": "mix", "sources": entry})


def test_the_schema_completes_only_what_the_key_means(schema):
    """An entry whose `use` names another source has that source's options."""
    entry = {"svit": {"use": "llava_pretrain", "options": {"file": "chat"}}}

    assert schema.is_valid({"mixer": 1, "name": "mix", "sources": entry})


HUMAN, GPT, SYSTEM = ({"from": role, "value": "x"} for role in ("human", "gpt", "system"))


@pytest.mark.parametrize(
    ("record", "valid"),
    [
        ({"id": "1", "conversations": [HUMAN, GPT]}, True),
        ({"id": "1", "image": "a.jpg", "conversations": [SYSTEM, HUMAN, GPT]}, True),
        ({"id": "1", "image": ["a.jpg", "b.jpg"], "conversations": [HUMAN], "chosen": GPT, "rejected": GPT}, True),
        ({"id": 1, "conversations": [HUMAN, GPT]}, False),
        ({"id": "1", "image": None, "conversations": [HUMAN, GPT]}, False),
        ({"id": "1", "image": ["a.jpg"], "conversations": [HUMAN, GPT]}, False),
        ({"id": "1", "image": "/a.jpg", "conversations": [HUMAN, GPT]}, False),
        ({"id": "1", "conversations": [HUMAN, SYSTEM]}, False),
        ({"id": "1", "conversations": []}, False),
        ({"id": "1", "conversations": [{"from": "user", "value": "x"}]}, False),
        ({"id": "1", "conversations": [{"from": "human", "value": ""}]}, False),
        ({"id": "1", "conversations": [HUMAN], "chosen": GPT}, False),
        ({"id": "1", "conversations": [HUMAN], "chosen": GPT, "rejected": HUMAN}, False),
        ({"id": "1", "conversations": [HUMAN, GPT], "model": ""}, False),
    ],
)
def test_the_schema_of_a_conversation(record, valid):
    """Its keys, types and roles are those of a conversation."""
    assert jsonschema.Draft202012Validator(conversation_schema()).is_valid(record) is valid

"""The recipes of docs/recipes.md are real: each block loads, and the mistakes shown are those that are found."""

import re
from pathlib import Path

import jsonschema
import pytest
import yaml

from mixer import writers
from mixer.errors import RecipeError
from mixer.recipe import load_recipe
from mixer.recipe.language import LEAF_KEYS, RecipeText
from mixer.schemas import recipe_schema
from mixer.where import COLUMNS

TEXT = (Path(__file__).parent.parent / "docs" / "recipes.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
NAMED = {found[1]: block for block in BLOCKS if (found := re.match(r"# (\w+\.yaml)\nmixer: 1\n", block))}
FRAGMENTS = [
    block for block in BLOCKS if block not in NAMED.values() and not block.startswith("# yaml-language-server")
]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Give a folder with all whole recipes of the page, each under the name in its first line."""
    for name, text in NAMED.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_whole_recipe_has_a_name():
    """A block that is a whole recipe says its file's name, so that it is among those tested."""
    assert len(NAMED) == sum("mixer: 1" in block for block in BLOCKS) > 4


@pytest.mark.parametrize("name", sorted(NAMED.keys() - {"broken.yaml"}))
def test_every_recipe_loads(folder, name):
    """Whole recipes load, and an editor with the schema agrees."""
    recipe = load_recipe(name, size=1000 if name == "captions.yaml" else None)

    assert f"{recipe.name}.yaml" == name
    jsonschema.validate(yaml.safe_load(NAMED[name]), recipe_schema())


@pytest.mark.parametrize("fragment", FRAGMENTS)
def test_every_fragment_is_part_of_a_recipe(folder, fragment):
    """Fragments become recipes once what they leave out is added."""
    rest = "" if "sources:" in fragment else "sources: {svit: {}}\n"
    (folder / "fragment.yaml").write_text(f"mixer: 1\nname: fragment\n{fragment}{rest}", encoding="utf-8")

    assert load_recipe("fragment.yaml").children


def test_the_mistakes_shown_are_those_found(folder):
    """The page shows what the broken recipe on it gives, word for word."""
    (shown,) = re.findall(r"```text\n(.*?)```", TEXT, re.DOTALL)

    with pytest.raises(RecipeError) as caught:
        load_recipe("broken.yaml")

    assert f"{caught.value}\n" == shown


def test_every_key_column_and_target_is_explained():
    """What may be written is on the page."""
    keys = {field.alias or key for key, field in RecipeText.model_fields.items()} | LEAF_KEYS
    words = {*keys, *COLUMNS, *writers.names()}

    assert {word for word in words if f"`{word}`" not in TEXT} == set()

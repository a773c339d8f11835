"""What is written about mixer is true: the README's blocks run, schemas fit what is written, the API is what it says."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import msgspec
import pytest
from conftest import RECIPES, ROOT
from jsonschema import Draft202012Validator

import mixer
from mixer import schemas
from mixer.cli import main

README = (ROOT / "README.md").read_text()


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def test_readme_python_runs(tmp_path, cache, monkeypatch):
    """The block of Python builds and verifies a mix."""
    (block,) = blocks("python")
    code = block.replace("recipes/svit_mix.yaml", str(RECIPES / "svit_mix.yaml"))

    finished = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env={"MIXER_CACHE": str(cache), "PATH": ""}, check=False
    )

    assert finished.returncode == 0


def test_readme_recipe_loads(tmp_path):
    """The recipe shown is one."""
    (block,) = blocks("yaml")
    path = tmp_path / "shown.yaml"
    path.write_text(block)

    assert [leaf.name for leaf in mixer.load_recipe(path).leaves()] == ["llava_v1_5_mix665k", "svit_core_150k"]


def test_readme_record_is_a_conversation():
    """The record shown fits the schema."""
    (block,) = blocks("json")

    Draft202012Validator(schemas.conversation_schema()).validate(json.loads(block))


def test_readme_names_every_command_and_module():
    """No command and no module of the package is left out."""
    for name in main.commands:
        assert f"mixer {name}" in README
    for path in sorted((ROOT / "mixer").iterdir()):
        if path.name not in ("__init__.py", "__pycache__", "py.typed"):
            assert path.name in README, path.name


@pytest.mark.parametrize("name", schemas.SCHEMAS)
def test_schema_files_are_fresh(name):
    """What lies in schemas/ is what the code says."""
    assert (ROOT / "schemas" / f"{name}.schema.json").read_text() == schemas.schema_text(name)


def test_what_a_build_writes_fits_the_schemas(tmp_path, cache):
    """Every record and the manifest of a mix are valid by the published schemas."""
    mix = mixer.build(RECIPES / "weighted.yaml", tmp_path / "mix", data="miniatures", cache=cache)

    Draft202012Validator(schemas.manifest_schema()).validate(json.loads((mix.path / "manifest.json").read_text()))
    check = Draft202012Validator(schemas.conversation_schema())
    for record in msgspec.json.decode((mix.path / f"{mix.manifest.name}.json").read_bytes()):
        check.validate(record)


def test_public_names_are_there_and_loading_them_is_lazy():
    """`import mixer` loads nothing heavy; every public name can be had, and others are said to be missing."""
    code = "import sys, mixer; assert not {'polars', 'pydantic', 'yaml'} & set(sys.modules), sorted(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)

    assert all(getattr(mixer, name) for name in mixer.__all__)
    with pytest.raises(AttributeError, match="nothing_such"):
        _ = mixer.nothing_such


def test_help_loads_nothing_heavy():
    """`mixer --help` is quick since it imports click and little else."""
    code = (
        "import sys; from mixer.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "assert not {'polars', 'pydantic', 'yaml', 'msgspec'} & set(sys.modules)"
    )

    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)

"""The page about adding a source says what works."""

import re
from pathlib import Path

import msgspec
import pytest

from mixer import sources
from mixer.conversation import Skip, encode
from mixer.validate import check

PAGE = (Path(__file__).parents[1] / "docs" / "add-a-source.md").read_text(encoding="utf-8")


@pytest.fixture
def kitchen(tmp_path, monkeypatch):
    """The page's source, found by the registry like any other."""
    [code] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "kitchen_vqa.py").write_text(code, encoding="utf-8")
    monkeypatch.setattr(sources, "__path__", [*sources.__path__, str(tmp_path)])
    sources.names.cache_clear()
    sources.get.cache_clear()
    yield sources.get("kitchen_vqa")
    monkeypatch.undo()
    sources.names.cache_clear()
    sources.get.cache_clear()


def test_the_example_converts_its_miniature_to_its_golden(kitchen):
    """Code, miniature and expected lines of the page agree, and the quirk is skipped."""
    miniature, expected = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    [file] = kitchen.used_files(kitchen.options())
    decoder = msgspec.json.Decoder(file.raw_type(kitchen.options()))

    made = [kitchen.convert(decoder.decode(line), kitchen.options()) for line in miniature.splitlines()]

    valid = [each for each in made if not isinstance(each, Skip)]
    assert "".join(f"{encode(each).decode()}\n" for each in valid) == expected
    assert not any(check(each) for each in valid)
    assert [each.reason for each in made if isinstance(each, Skip)] == ["no answer"]


def test_the_raw_record_of_the_docstring_is_one(kitchen):
    """What the docstring shows decodes as the type below it."""
    [raw] = re.findall(r"^Raw: (.*)$", PAGE, re.MULTILINE)

    assert msgspec.json.decode(raw, type=kitchen.files[0].raw).qid == 7


def test_the_page_is_one_page():
    """One page: it is read, not searched."""
    assert len(PAGE.splitlines()) <= 110

"""Raw files that are still packed convert to the same bytes, in parallel, and damage is told in the user's words."""

from __future__ import annotations

import gzip
import io
import json
import shutil
import time
import zipfile
from pathlib import Path

import pytest
import zstandard
from conftest import recipe, records

from mixer import build, conversion, opening, unpacking
from mixer.catalogue import convert
from mixer.errors import DataError
from mixer.roots import MINIATURES


def zipped(content: bytes, name: str = "own.json") -> bytes:
    """Put a file into a zip, beside what macOS adds."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"folder/{name}", content)
        archive.writestr(f"__MACOSX/folder/._{name}", b"shadow")
    return whole.getvalue()


PACKERS = {"gz": gzip.compress, "zst": zstandard.compress, "zip": zipped}


def write(folder: Path, count: int = 3_000) -> bytes:
    """Write plain records, and the same packed in every way."""
    turns = [{"from": "human", "value": "What is it?"}, {"from": "gpt", "value": "A kite over the hill. " * 9}]
    content = json.dumps([{"id": str(n), "conversations": turns} for n in range(count)]).encode()
    (folder / "own.json").write_bytes(content)
    for suffix, pack in PACKERS.items():
        (folder / f"own.json.{suffix}").write_bytes(pack(content))
    return content


def mix(folder: Path, name: str, workers: int = 1) -> bytes:
    """Build a mix of one file; give its bytes."""
    path = recipe(folder, sources={"own": {"use": "llava_json", "path": name}})
    out = folder / f"mix-{name}-{workers}"
    return (build(path, out, cache=folder / f"store-{name}-{workers}", workers=workers).path / "mix.json").read_bytes()


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_packed_files_give_the_same_mix(tmp_path, monkeypatch, workers):
    """Plain or packed, however many processes, while the file is still being unpacked."""
    write(tmp_path)
    plain = mix(tmp_path, "own.json")
    monkeypatch.setattr(conversion, "SPAN", 50_000)
    monkeypatch.setattr(conversion, "SMALL", 0)
    monkeypatch.setattr(opening, "AHEAD", 100_000)

    assert mix(tmp_path, "own.json", workers + 3) == plain
    for suffix in PACKERS:
        assert mix(tmp_path, f"own.json.{suffix}", workers) == plain


@pytest.mark.parametrize("size", [1 << 20, 64 << 20])
def test_spans_and_pieces_of_any_size_give_the_same_mix(tmp_path, monkeypatch, size):
    """A megabyte at once or sixty-four."""
    write(tmp_path, 20_000)
    plain = mix(tmp_path, "own.json")
    monkeypatch.setattr(conversion, "SPAN", size)
    task = conversion.Span

    monkeypatch.setattr(conversion, "Span", lambda *arguments, **more: task(*arguments, **more, piece=size))
    assert mix(tmp_path, "own.json", 2) == plain
    assert mix(tmp_path, "own.json.gz", 2) == plain


def test_published_names_are_found_packed_or_in_their_archives(tmp_path):
    """Beside the plain file's place: .zip, .gz, .zst, and the zip that the dataset came in."""
    whole = convert("vqav2", out=tmp_path / "plain.jsonl", data="miniatures", cache=tmp_path / "store")
    folder = tmp_path / "data" / "vqav2"
    folder.mkdir(parents=True)
    plain = MINIATURES / "vqav2"
    questions, annotations = "v2_OpenEnded_mscoco_train2014_questions.json", "v2_mscoco_train2014_annotations.json"
    archive = zipped((plain / questions).read_bytes(), questions)
    (folder / "v2_Questions_Train_mscoco.zip").write_bytes(archive)
    (folder / f"{annotations}.gz").write_bytes(gzip.compress((plain / annotations).read_bytes()))
    packed = convert("vqav2", out=tmp_path / "packed.jsonl", data=tmp_path / "data", cache=tmp_path / "store")

    assert packed.ledger.address != whole.ledger.address
    assert packed.ledger.read == whole.ledger.read
    assert (tmp_path / "packed.jsonl").read_bytes() == (tmp_path / "plain.jsonl").read_bytes()


def test_lookups_may_be_packed(tmp_path):
    """A table that records need is unpacked before they are read."""
    shutil.copytree(MINIATURES / "visual_genome", tmp_path / "data" / "visual_genome")
    table = tmp_path / "data" / "visual_genome" / "image_data.json"
    convert("visual_genome", out=tmp_path / "plain.jsonl", data=tmp_path / "data", cache=tmp_path / "store")
    table.with_name("image_data.json.zip").write_bytes(zipped(table.read_bytes(), table.name))
    table.unlink()
    convert("visual_genome", out=tmp_path / "packed.jsonl", data=tmp_path / "data", cache=tmp_path / "store")

    assert records(tmp_path / "packed.jsonl") == records(tmp_path / "plain.jsonl")


@pytest.mark.parametrize("suffix", sorted(PACKERS))
def test_a_packed_file_that_is_cut_short_says_so(tmp_path, suffix):
    """With the user's own file and a byte of it, and nothing stays in the store."""
    write(tmp_path)
    path = tmp_path / f"own.json.{suffix}"
    path.write_bytes(path.read_bytes()[:-200])

    with pytest.raises(DataError, match=rf"own\.json\.{suffix}: byte \d+: .*download it again") as caught:
        mix(tmp_path, path.name)
    assert "unpacked-0" not in str(caught.value)
    assert not list((tmp_path / f"store-{path.name}-1").glob("sources/*/*"))


def test_what_is_wrong_inside_is_told_of_the_packed_file(tmp_path):
    """Positions are those of the unpacked bytes, and the message says that."""
    content = write(tmp_path)
    (tmp_path / "own.json.gz").write_bytes(gzip.compress(content[:-5_000]))

    with pytest.raises(DataError, match=r"own\.json\.gz, unpacked: byte \d+: expected"):
        mix(tmp_path, "own.json.gz")


@pytest.mark.parametrize("first", [True, False])
def test_members_longer_than_what_was_unpacked_are_waited_for(tmp_path, monkeypatch, first):
    """What stands before the records, or behind them, need not be there when they are first looked for."""
    shutil.copytree(MINIATURES / "vqav2", tmp_path / "data" / "vqav2")
    questions = tmp_path / "data" / "vqav2" / "v2_OpenEnded_mscoco_train2014_questions.json"
    convert("vqav2", out=tmp_path / "plain.jsonl", data=tmp_path / "data", cache=tmp_path / "store")
    long = {"images": [{"id": n, "name": f"{n:090}"} for n in range(40_000)]}
    whole = json.loads(questions.read_text())
    text = json.dumps({**long, **whole} if first else {**whole, **long})
    questions.with_name(f"{questions.name}.gz").write_bytes(gzip.compress(text.encode(), 1))
    questions.unlink()
    monkeypatch.setattr(opening, "AHEAD", 1_000)
    slowly(monkeypatch)
    convert("vqav2", out=tmp_path / "packed.jsonl", data=tmp_path / "data", cache=tmp_path / "store")

    assert (tmp_path / "packed.jsonl").read_bytes() == (tmp_path / "plain.jsonl").read_bytes()


def slowly(monkeypatch) -> None:
    """Unpack a little at a time."""
    flush = unpacking.Unpacking._flush

    def late(self, block: bytes) -> None:
        time.sleep(0.01)
        flush(self, block)

    monkeypatch.setattr(unpacking, "BLOCK", 100_000)
    monkeypatch.setattr(unpacking.Unpacking, "_flush", late)

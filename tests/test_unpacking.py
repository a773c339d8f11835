"""Packed files are unpacked while others read them, whole or with an error that says where they are damaged."""

from __future__ import annotations

import errno
import gzip
import importlib
import io
import random
import shutil
import struct
import threading
import time
import tracemalloc
import zipfile
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixer import unpacking
from mixer.errors import DamagedFile, DataError, MixerError, UsageError
from mixer.readers import packed
from mixer.unpacking import Packing, Unpacking, packing

try:
    import zstandard
except ImportError:  # the extra is not installed
    zstandard = None

KINDS = ["gzip", "zip", "stored", *(["zstd"] if zstandard else [])]
needs_zstd = pytest.mark.skipif(zstandard is None, reason="the extra zstd is not installed")


def pack(kind, data, name="x.json"):
    """Pack bytes."""
    if kind == "gzip":
        return gzip.compress(data, mtime=0)
    if kind == "zstd":
        return zstandard.ZstdCompressor(write_checksum=True).compress(data)
    method = zipfile.ZIP_STORED if kind == "stored" else zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(buffer := io.BytesIO(), "w", method) as archive:
        archive.writestr(zipfile.ZipInfo(name), data, method)
    return buffer.getvalue()


@pytest.fixture
def unpack(tmp_path):
    """Give a function that unpacks bytes."""

    def run(content, member=None):
        path, into = tmp_path / "given", tmp_path / "into"
        path.write_bytes(content)
        into.unlink(missing_ok=True)
        with Unpacking(path, member, into) as work:
            size = work.finish()
            assert work.available() == size == into.stat().st_size
            assert work.wait(1 << 60)
        return into.read_bytes()

    return run


def noise(size):
    """Make bytes, half of which can be packed."""
    rng = random.Random(size)
    return b"".join(rng.randbytes(50) + b"a" * 50 for _ in range(size // 100))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [0, 100, 100_000, 5_000_000])
def test_what_was_packed_comes_back(unpack, tmp_path, kind, size):
    """A packed file gives its bytes, whatever its length."""
    data = noise(size)

    assert unpack(pack(kind, data)) == data
    assert packing(tmp_path / "given").kind == {"stored": "zip"}.get(kind, kind)


@given(
    st.lists(st.binary(max_size=200), min_size=1, max_size=6), st.sampled_from(KINDS), st.sampled_from([1, 7, 1 << 20])
)
def test_parts_in_a_row_are_one_file(tmp_path_factory, parts, kind, read):
    """Streams and frames in a row are joined, wherever reading splits them."""
    folder = tmp_path_factory.mktemp("rows")
    joined = b"".join(parts)
    row = b"".join(pack(kind, part) for part in parts) if kind in ("gzip", "zstd") else pack(kind, joined)
    (folder / "given").write_bytes(row)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packed.Packed.read, "__defaults__", (read,))
        patch.setattr(packed, "READ", read)
        patch.setattr(packed, "ZSTD_READ", read)
        patch.setattr(packed, "BLOCK", read)
        with Unpacking(folder / "given", None, folder / "into") as work:
            work.finish()

    assert (folder / "into").read_bytes() == joined


def test_zeros_may_follow_gzip(unpack):
    """Padding behind the last stream, or between two, is none of the file."""
    one = pack("gzip", b"one")

    assert unpack(one + b"\0" * 300_000) == b"one"
    assert unpack(one + b"\0" * 7 + one) == b"oneone"
    with pytest.raises(DamagedFile, match=r"byte \d+: expected gzip data, got what does not unpack"):
        unpack(one + b"\0xyz")


@needs_zstd
def test_frames_that_hold_nothing_are_skipped(unpack):
    """A skippable frame may stand between frames."""
    skippable = b"\x50\x2a\x4d\x18" + struct.pack("<I", 4) + b"abcd"

    assert unpack(pack("zstd", b"one") + skippable + pack("zstd", b"two") + skippable) == b"onetwo"


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_cut_short_anywhere_is_damaged(unpack, kind):
    """A packed file cut at any byte says at which byte it ends."""
    content = pack(kind, noise(300) + b"end")
    start = 4 if kind in ("zip", "stored", "zstd") else 2

    for length in range(start, len(content)):
        with pytest.raises(DamagedFile, match=rf"given: byte {length}: .*cut short or damaged: download it again"):
            unpack(content[:length])


@pytest.mark.parametrize("kind", KINDS)
def test_a_changed_byte_is_told_or_changes_nothing(unpack, kind):
    """Checksums find what parsing does not: no other bytes come out silently."""
    data = noise(300)
    content = pack(kind, data)
    told = 0

    for place in range(4, len(content)):
        changed = bytearray(content)
        changed[place] ^= 0x41
        try:
            assert unpack(bytes(changed)) == data, place
        except DataError as error:
            told += 1
            assert "\n" not in str(error)  # noqa: PT017 - either outcome is right
    assert told > 100


@pytest.mark.parametrize("kind", ["gzip", *(["zstd"] if zstandard else [])])
def test_damage_is_placed_in_the_packed_file(unpack, kind):
    """The position is that of the packed byte, near the damage."""
    content = bytearray(pack(kind, random.Random(1).randbytes(3_000_000)))
    content[2_000_000] ^= 1

    with pytest.raises(DamagedFile, match="does not unpack") as error:
        unpack(bytes(content))
    at = int(str(error.value).partition(": byte ")[2].partition(":")[0])
    assert 2_000_000 - (256 << 10) < at <= len(content)


def test_a_zip_says_how_long_a_file_is(unpack):
    """A file that unpacks to more or fewer bytes than its zip says is damaged, and no byte more is written."""
    content = pack("zip", b"a" * 1000)
    size = struct.pack("<I", 1000)

    for other, message in (
        (999, "expected 999 unpacked bytes, got more"),
        (1001, "expected 1,001 unpacked bytes, got 1,000"),
    ):
        with pytest.raises(DamagedFile, match=message):
            unpack(content.replace(size, struct.pack("<I", other)))
    with pytest.raises(DamagedFile, match="expected the checksum"):
        unpack(content.replace(struct.pack("<I", zlib.crc32(b"a" * 1000)), b"\0\0\0\1"))


def test_a_zip_whose_directory_points_elsewhere_is_damaged(unpack, tmp_path):
    """Where the directory says that a file begins, its header has to be."""
    content = bytearray(archive(tmp_path / "x.zip", ["a.json", "b.json"]).read_bytes())
    at = content.index(b"PK\x03\x04", 4)
    content[at] ^= 1

    with pytest.raises(DamagedFile, match=f"byte {at}: expected the header of a file in a zip, got something else"):
        unpack(content, "b.json")


def archive(path, names):
    """Write a zip of small files."""
    with zipfile.ZipFile(path, "w") as file:
        for name in names:
            file.writestr(name, b"")
    return path


@pytest.mark.parametrize(
    ("names", "published", "chosen"),
    [
        (["a.json"], "other.json", "a.json"),
        (["a.json"], None, "a.json"),
        (["__MACOSX/._a.json", "a.json", "folder/"], None, "a.json"),
        (["x/a.json", "x/b.json"], "a.json", "x/a.json"),
        (["x/a.json", "x/b.json"], "annotations/b.json", "x/b.json"),
        (["x/a.json", "y/a.json"], "y/a.json", "y/a.json"),
        (["z/y/a.json", "z/x/a.json"], "x/a.json", "z/x/a.json"),
        (["../../a.json", "b.json"], "a.json", "../../a.json"),
    ],
)
def test_the_file_inside_is_chosen(tmp_path, names, published, chosen):
    """The file of the published name is meant, or the only one; folders and macOS's shadows are none."""
    assert packing(archive(tmp_path / "x.zip", names)).member(published) == chosen


@pytest.mark.parametrize(
    ("names", "published", "message"),
    [
        (["a.json", "b.json"], "c.json", "expected a zip with one file `c.json`, got `a.json`, `b.json`; unpack"),
        (["a.json", "b.json"], None, "expected a zip with one file, got `a.json`, `b.json`; unpack"),
        (["x/a.json", "y/a.json"], "a.json", "expected a zip with one file `a.json`, got `x/a.json`, `y/a.json`"),
        ([], "a.json", "expected a zip with one file `a.json`, got none"),
        ([f"{n}.jpg" for n in range(50)], "a.json", "`11.jpg` and 38 more; unpack"),
    ],
)
def test_what_is_not_inside_is_told(tmp_path, names, published, message):
    """A zip without the file names some of those it holds."""
    with pytest.raises(DataError) as error:
        packing(archive(tmp_path / "x.zip", names)).member(published)

    assert message in str(error.value)


def test_no_name_leads_anywhere(unpack, tmp_path):
    """Whatever the path of a file inside, its bytes go where they are asked for."""
    assert unpack(pack("zip", b"data", name="../../../evil.json")) == b"data"
    assert not list(tmp_path.parent.glob("**/evil.json"))


def test_files_that_are_not_packed_are_none(tmp_path):
    """A plain file is no packed one, however short, whatever its name."""
    path = tmp_path / "x.json.gz"
    for content in (b"", b"[", b"[1, 2, 3]", b"\x1f", b"PK", b"PAR1"):
        path.write_bytes(content)
        assert packing(path) is None
    with pytest.raises(DataError, match="expected a packed file"):
        Unpacking(path, None, tmp_path / "into")
    path.write_bytes(pack("gzip", b"x"))
    assert packing(path) == Packing(path, "gzip")


def test_files_that_need_more_are_refused(tmp_path):
    """An encrypted file, and one packed in a way of its own, are told before anything is written."""
    path, into = tmp_path / "x.zip", tmp_path / "into"
    content = bytearray(pack("zip", b"secret"))
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"x\.zip: `x\.json` is encrypted; unpack it and put"):
        Unpacking(path, None, into)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as file:
        file.writestr("x.json", b"data" * 100)
    with pytest.raises(DataError, match=r"expected `x\.json` stored or deflated, got method 14; unpack it and put"):
        Unpacking(path, None, into)
    assert not into.exists()


def test_a_missing_library_is_told(tmp_path, monkeypatch):
    """Without a library for zstd, one line says how to get it."""

    def no_module(name):
        raise ImportError(name)

    path = tmp_path / "x.zst"
    path.write_bytes(b"\x28\xb5\x2f\xfd...")
    monkeypatch.setattr(importlib, "import_module", no_module)

    with pytest.raises(UsageError, match=r"this needs: pip install 'instruction-mixer\[zstd\]'$"):
        Unpacking(path, None, tmp_path / "into")


@needs_zstd
def test_the_size_of_a_frame_is_read_from_its_header(tmp_path):
    """The size is known where the header tells it, in each of its forms."""
    path = tmp_path / "x.zst"
    for size in (0, 1, 255, 256, 257, 65_791, 65_792, 1 << 20):
        path.write_bytes(zstandard.ZstdCompressor().compress(b"a" * size))
        assert packed.zstd_size(path) == size
    for content in (zstandard.ZstdCompressor(write_content_size=False).compress(b"abc"), b"\x28\xb5\x2f\xfd", b""):
        path.write_bytes(content)
        assert packed.zstd_size(path) == 0


class Slow(packed.Packed):
    """A packed file that is read when the test says so."""

    gate = threading.Semaphore(0)

    def read(self, length=1000):
        """Wait for the test."""
        self.gate.acquire()
        return super().read(min(length, 1000))


@pytest.fixture
def slowly(tmp_path, monkeypatch):
    """Give an unpacking that goes on by a thousand packed bytes when its gate is opened."""
    monkeypatch.setattr(unpacking, "Packed", Slow)
    monkeypatch.setattr(unpacking, "BLOCK", 1)
    monkeypatch.setattr(Slow, "gate", threading.Semaphore(0))
    path = tmp_path / "given"

    def start(content):
        path.write_bytes(content)
        return Unpacking(path, None, tmp_path / "into")

    yield start
    Slow.gate.release(999)


def test_others_read_what_is_there(slowly, tmp_path):
    """What is said to be available is in the file, a wait ends when enough is, and says when all is."""
    data = noise(10_000)
    with slowly(pack("gzip", data)) as work:
        seen = {work.available()}
        for _ in range(4):
            Slow.gate.release()
            work.wait(max(seen) + 1)
            seen.add(available := work.available())
            assert (tmp_path / "into").read_bytes()[:available] == data[:available]
            assert work.consumed() > 0
        assert len(seen) == 5
        Slow.gate.release(99)
        assert work.wait(len(data) + 1)
        assert work.finish() == len(data)


def test_damage_is_raised_where_its_bytes_are_waited_for(slowly):
    """What came before the damage can be used: the error is raised by who needs what follows, each time."""
    content = bytearray(pack("gzip", random.Random(1).randbytes(10_000)))
    content[5000:5050] = b"\xff" * 50
    with slowly(bytes(content)) as work:
        Slow.gate.release(99)

        with pytest.raises(DamagedFile):
            work.finish()
        with pytest.raises(DamagedFile):
            work.wait(1 << 30)
        assert 0 < work.available() < 10_000
        assert work.wait(work.available()) is False


def test_a_closed_unpacking_stops(slowly):
    """Closing does not wait for the rest, and who still waits is told."""
    work = slowly(pack("gzip", noise(100_000)))
    told = []

    def wait():
        with pytest.raises(MixerError) as error:
            work.finish()
        told.append(str(error.value))

    waiter = threading.Thread(target=wait)
    waiter.start()
    Slow.gate.release(3)
    closer = threading.Thread(target=work.close)
    closer.start()
    time.sleep(0.05)
    Slow.gate.release(1)
    closer.join(5)
    waiter.join(5)

    assert not closer.is_alive()
    assert "unpacking was stopped" in told[0]
    work.close()


def test_a_working_file_is_never_replaced(unpack, tmp_path):
    """What lies in the way is left alone."""
    (tmp_path / "given").write_bytes(pack("gzip", b"x"))
    (tmp_path / "into").write_bytes(b"mine")

    with pytest.raises(FileExistsError):
        Unpacking(tmp_path / "given", None, tmp_path / "into")
    assert (tmp_path / "into").read_bytes() == b"mine"


def usage(free):
    """Make the answer about a disk with so much room."""
    return lambda _folder: shutil._ntuple_diskusage(1 << 40, 0, free)


def test_a_disk_that_is_too_small_is_told_first(tmp_path, monkeypatch):
    """Where the size is known, nothing is begun that cannot fit."""
    monkeypatch.setattr(shutil, "disk_usage", usage(100_000))
    path, into = tmp_path / "given", tmp_path / "into"
    for kind in KINDS:
        path.write_bytes(pack(kind, b"a" * 200_000))
        if kind == "gzip":
            continue  # it does not tell
        with pytest.raises(MixerError, match="200,000 bytes are needed and 100,000 are free"):
            Unpacking(path, None, into)
        assert not into.exists()


def test_a_bomb_stops_before_the_disk_is_full(unpack, tmp_path, monkeypatch):
    """What unpacks to endless bytes ends with an error that names the folder, in little memory."""
    content = pack("gzip", b"\0" * 50_000_000)
    monkeypatch.setattr(unpacking, "CHECKED", 4 << 20)
    monkeypatch.setattr(shutil, "disk_usage", usage(unpacking.LEFT_FREE + 100))
    tracemalloc.start()
    try:
        with pytest.raises(MixerError, match=r"given: unpacking it leaves too little room in .*, after \d"):
            unpack(content)
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()
    assert (tmp_path / "into").stat().st_size < 5 << 20


@needs_zstd
def test_memory_is_bounded(tmp_path):
    """However well a file is packed, it is unpacked in little memory."""
    content = zstandard.ZstdCompressor(level=19).compress(b"\0" * 200_000_000)
    (tmp_path / "given").write_bytes(content + content)
    tracemalloc.start()
    try:
        with Unpacking(tmp_path / "given", None, tmp_path / "into") as work:
            assert work.finish() == 400_000_000
        assert tracemalloc.get_traced_memory()[1] < 2 * 32_768 * packed.ZSTD_READ + (8 << 20)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("code", "kind"), [(errno.ENOSPC, MixerError), (errno.EIO, OSError)])
def test_a_disk_that_fails_is_told(unpack, monkeypatch, code, kind):
    """A full disk is told as such, another fault of it as it is."""

    def fail(_file, _block):
        raise OSError(code, "failed")

    monkeypatch.setattr(unpacking.DurableFile, "write", fail)

    with pytest.raises(kind):
        unpack(pack("gzip", b"x"))

"""Members of tars become samples, wherever the archive is cut; faults and damage are told."""

from __future__ import annotations

import gzip
import io
import random
import tarfile
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixer.errors import DamagedFile, DataError
from mixer.readers import Bad, bytes_a_place, counts_bytes, cuts, json_lines, tar_samples
from mixer.readers.depth import LONGEST


class Sample(msgspec.Struct):
    """A captioned image."""

    key: str = msgspec.field(name="__key__")
    txt: bytes
    jpg: bytes | None = None


def write(path, members, format=tarfile.USTAR_FORMAT):
    """Write members: name -> bytes, or None for a folder."""
    with tarfile.open(path, "w", format=format) as archive:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.type = tarfile.DIRTYPE if content is None else tarfile.REGTYPE
            member.size = len(content or b"")
            archive.addfile(member, io.BytesIO(content or b""))
    return path


def read(path, size=1 << 30, piece=1 << 20, raw=dict):
    """Read an archive in spans that are accepted from left to right."""
    items, edge = [], None
    for start, stop in pairwise(cuts(tar_samples, path, size)):
        if edge is not None and stop <= edge and stop < path.stat().st_size:
            continue
        edge = start if edge is None else edge
        for batch in tar_samples.read(path, edge, stop, raw, piece):
            items += batch.items
            edge = batch.end
    assert edge == path.stat().st_size
    return items


def samples(count, seed=0):
    """Invent samples of two members; some contents are tars themselves."""
    noise = random.Random(seed)
    inner = io.BytesIO()
    with tarfile.open(fileobj=inner, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("inner/1.txt"))
        archive.addfile(tarfile.TarInfo("inner/2.txt"))
    for number in range(count):
        content = inner.getvalue() if number % 5 == 4 else noise.randbytes(noise.randrange(2000))
        yield f"s/{number:04}.jpg", content
        yield f"s/{number:04}.txt", b"%d" % number


@given(
    st.integers(1, 60),
    st.sampled_from([600, 5000, 1 << 30]),
    st.sampled_from([1, 3000]),
    st.sampled_from([tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]),
)
def test_samples_come_in_order_wherever_the_archive_is_cut(tmp_path_factory, count, size, piece, format):
    """However it is cut, also where tars stand in tars, each sample comes once."""
    members = list(samples(count, count))
    path = write(tmp_path_factory.mktemp("tar") / "x.tar", members, format)

    items = read(path, size, piece)

    assert [item["__key__"] for item in items] == [f"s/{number:04}" for number in range(count)]
    assert [content for item in items for content in (item["jpg"], item["txt"])] == [content for _, content in members]


def test_what_looks_like_a_header_inside_a_member_is_passed_over(tmp_path):
    """A damaged tar in a tar, and the magic word in a text, are no edges."""
    inner = write(tmp_path / "inner.tar", [("0.txt", bytes(99))]).read_bytes()[:1024]
    path = write(
        tmp_path / "x.tar", [("0.txt", bytes(512) + inner + b"no header, ustar\0"), ("1.txt", b""), ("2.txt", b"")]
    )

    assert tar_samples.cut(path, 600) == tar_samples.cut(path, 1100) == path.read_bytes().index(b"2.txt")
    assert [item["__key__"] for item in read(path, size=700)] == ["0", "1", "2"]
    assert list(tar_samples.read(path, 1024, 1024, dict, 1)) == []


def test_an_archive_may_hold_no_samples(tmp_path):
    """Folders alone are nothing."""
    assert read(write(tmp_path / "x.tar", [("a", None), ("b", None)])) == []


def test_sizes_and_other_facts_may_stand_in_extended_headers(tmp_path):
    """POSIX archives say there what the plain header has no room for."""
    member = tarfile.TarInfo("0.txt")
    member.size, member.pax_headers = 3, {"size": "3", "comment": "ours"}
    with tarfile.open(tmp_path / "x.tar", "w", format=tarfile.PAX_FORMAT, pax_headers={"comment": "all"}) as archive:
        archive.addfile(member, io.BytesIO(b"Tea"))

    assert read(tmp_path / "x.tar") == [{"txt": b"Tea", "__key__": "0"}]


def test_a_name_without_end_damages_the_archive(tmp_path):
    """Names are bounded."""
    path = write(tmp_path / "x.tar", [(f"{'a' * (1 << 20)}.txt", b"")], tarfile.GNU_FORMAT)

    with pytest.raises(DamagedFile, match="byte 0: expected the long name of a member, got 1,048,581 bytes of it"):
        read(path)


def test_an_archive_is_cut_near_the_places_asked_for(tmp_path):
    """Large shards can be read in parallel: a cut is the next sample or the one behind it."""
    path = write(tmp_path / "x.tar", [(f"{n:04}.txt", bytes(1000)) for n in range(200)])

    edges = cuts(tar_samples, path, 30_000)

    assert 8 < len(edges) < 14
    assert max(stop - start for start, stop in pairwise(edges)) < 35_000
    assert tar_samples.cut(path, 1 << 62) == path.stat().st_size
    assert bytes_a_place(tar_samples, path) == 1
    assert counts_bytes(tar_samples)


@pytest.mark.parametrize(
    ("name", "key", "field"),
    [
        ("0001.jpg", "0001", "jpg"),
        ("a.b/0001.seg.PNG", "a.b/0001", "seg.png"),
        ("./0001.jpg", "./0001", "jpg"),
        (f"{'long/' * 60}0001.jpg", f"{'long/' * 60}0001", "jpg"),
        ("부엌/0001.jpg", "부엌/0001", "jpg"),
        ("../../etc/0001.jpg", "../../etc/0001", "jpg"),
    ],
)
@pytest.mark.parametrize("format", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_names_are_split_at_the_first_dot_of_the_base_name(tmp_path, name, key, field, format):
    """Long names and names of other scripts, which tars write in their own ways, are whole; names stay names."""
    (item,) = read(write(tmp_path / "x.tar", [(name, b"x")], format))

    assert item == {field: b"x", "__key__": key}


def test_what_is_no_member_of_a_sample_is_nothing(tmp_path):
    """Folders, links and names without a stem and an ending neither count nor part a sample."""
    path = write(
        tmp_path / "x.tar", [("a.b", None), ("1.txt", b"1"), ("README", b""), (".DS_Store", b""), ("1.jpg", b"2")]
    )
    with tarfile.open(path, "a") as archive:
        link = tarfile.TarInfo("2.jpg")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)

    assert read(path) == [{"txt": b"1", "jpg": b"2", "__key__": "1"}]


def test_members_that_are_not_adjacent_are_several_samples(tmp_path):
    """As in WebDataset, a new name starts a new sample, known or not."""
    path = write(tmp_path / "x.tar", [("1.txt", b""), ("2.txt", b""), ("1.jpg", b"")])

    assert [item["__key__"] for item in read(path)] == ["1", "2", "1"]


def test_archives_may_stand_one_behind_the_other(tmp_path):
    """As `cat` leaves them; what is left behind the last one's end, and is no header, is nothing."""
    both = b"".join(write(tmp_path / "x.tar", [(f"{n}.txt", b"Tea")]).read_bytes() for n in range(2))
    (tmp_path / "x.tar").write_bytes(both + b"left")

    assert [item["__key__"] for item in read(tmp_path / "x.tar")] == ["0", "1"]
    assert [item["__key__"] for item in read(tmp_path / "x.tar", size=1024, piece=1)] == ["0", "1"]


def sparse(name, content, format):
    """Give a sparse member, whose content is less than the file's: as GNU's own header or as POSIX says it."""
    member = tarfile.TarInfo(name)
    if format == tarfile.PAX_FORMAT:
        member.name, member.pax_headers = "GNUSparseFile.0/1", {"GNU.sparse.major": "1", "GNU.sparse.name": name}
        member.size = len(content)
        return member.tobuf(format) + content.ljust(512, b"\0")
    member.type, member.size = tarfile.GNUTYPE_SPARSE, len(content)
    header = bytearray(member.tobuf(format))
    header[482] = 1  # a block of the map follows
    header[148:156] = b"%06o\0 " % tarfile.calc_chksums(bytes(header))[0]
    return bytes(header) + bytes(504) + b"\1" + bytes(7) + bytes(512) + content.ljust(512, b"\0")


@pytest.mark.parametrize("format", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_a_sparse_member_is_its_samples_fault(tmp_path, format):
    """It holds a map and pieces of the file, which would be taken for the file."""
    content = write(tmp_path / "x.tar", [("0.txt", b"Tea"), ("1.jpg", b"x")]).read_bytes()[: 4 * 512]
    behind = write(tmp_path / "x.tar", [("2.txt", b"Eggs")]).read_bytes()
    (tmp_path / "x.tar").write_bytes(content + sparse("1.txt", b"Milk", format) + behind)

    before, found, after = read(tmp_path / "x.tar")

    assert (before["txt"], after["txt"]) == (b"Tea", b"Eggs")
    assert isinstance(found, Bad)
    assert found.reason == "field `txt` is sparse; pack the tar anew without `--sparse`"


def test_members_of_other_kinds_are_passed_over_with_their_content(tmp_path):
    """GNU's list of a folder has content, a link has none, whatever size it tells."""
    parts = []
    for name, kind, content in (
        ("a", b"D", b"list"),
        ("b.txt", tarfile.LNKTYPE, b""),
        ("1.txt", tarfile.REGTYPE, b"Tea"),
    ):
        member = tarfile.TarInfo(name)
        member.type, member.size = kind, 700 if kind == tarfile.LNKTYPE else len(content)
        parts += [member.tobuf(tarfile.USTAR_FORMAT), content.ljust(512, b"\0") if content else b""]
    (tmp_path / "x.tar").write_bytes(b"".join(parts) + bytes(1024))

    assert read(tmp_path / "x.tar") == [{"txt": b"Tea", "__key__": "1"}]


def test_members_are_unpacked(tmp_path):
    """`txt.gz` is `txt`, of one stream or several."""
    path = write(tmp_path / "x.tar", [("1.txt.gz", gzip.compress(b"a") + gzip.compress(b"b"))])

    assert read(path) == [{"txt": b"ab", "__key__": "1"}]


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ([("1.txt", b""), ("1.TXT", b"")], "field `txt` comes twice"),
        ([("1.txt", b""), ("1.txt.gz", gzip.compress(b""))], "field `txt` comes twice"),
        ([("1.txt.gz", b"no gzip")], "a member that does not unpack"),
        ([("1.txt.gz", gzip.compress(b"cut")[:-9])], "a member that does not unpack"),
        ([("1.txt.gz", gzip.compress(bytes(LONGEST + 1)))], f"a member of more than {LONGEST:,} bytes"),
        ([(f"1.{n}", b"") for n in range(1001)], f"a sample of more than {LONGEST:,} bytes or 1,000 members"),
        ([("1.jpg", b"")], "Object missing required field `txt`"),
    ],
)
def test_faults_are_a_samples_and_its_neighbours_are_fine(tmp_path, members, reason):
    """A bad sample is told with its place and reason."""
    path = write(tmp_path / "x.tar", [("0.txt", b"before"), *members, ("2.txt", b"behind")])

    before, found, behind = read(path, raw=Sample)

    assert isinstance(found, Bad)
    assert (found.reason, found.at) == (reason, 1024)
    assert (before.txt, behind.txt) == (b"before", b"behind")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content[:700], r"byte 700: expected 999 bytes of the member that starts at byte 0"),
        (lambda content: content[:1700], r"byte 1700: expected the header of a member, got the end of the file"),
        (lambda content: content[:4096], r"byte 4096: expected the archive's end, a block of zeros"),
        (lambda content: content[:1600] + b"x" + content[1601:], r"byte 1536: expected the header of a member, got"),
    ],
)
def test_a_damaged_archive_is_an_error_with_its_position(tmp_path, change, message):
    """What is cut short or does not add up stops the file."""
    path = write(tmp_path / "x.tar", [("0.txt", bytes(999)), ("1.txt", bytes(1999))])
    path.write_bytes(change(path.read_bytes()))

    with pytest.raises(DamagedFile, match=message):
        read(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"a": 1}\n', "expected a tar archive, got one JSON object"),
        (b"", "expected a tar archive, got an empty file"),
        (b"PK\x03\x04", "expected a tar archive, got a zip archive"),
        (bytes(1024), "expected a tar archive, got byte 0x00"),
    ],
)
def test_another_file_is_refused(tmp_path, content, message):
    """The message says what the file is instead."""
    path = tmp_path / "x.tar"
    path.write_bytes(content)

    with pytest.raises(DataError, match=message):
        tar_samples.cut(path, 0)


def test_a_tar_is_no_json_lines(tmp_path):
    """The other way round, too."""
    path = write(tmp_path / "x.jsonl", [("0.txt", b"")])

    with pytest.raises(DataError):
        list(json_lines.read(path, 0, 1, dict, 1))

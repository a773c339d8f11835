"""Running a repair list: files become what their names say, and the originals are kept elsewhere.

Nothing outside of the media root is touched: what lies behind a link, even within the root, is refused. A file is
replaced as a whole or not at all, after its original lies in the backup folder. What is as it should be already is left
alone, so a list may be run again.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from stat import S_ISLNK, S_ISREG
from typing import Any

from mixer import atomic
from mixer.auditing import formats
from mixer.auditing.formats import FORMATS
from mixer.auditing.looking import find_header
from mixer.auditing.repairs import Entry
from mixer.errors import DataError, MissingFile, UsageError
from mixer.extras import need
from mixer.fingerprints import undecodable
from mixer.progress import Advance
from mixer.remote.path import is_remote, parsed

MODES = {
    "jpg": ("RGB", "L"),
    "png": ("RGB", "RGBA", "L", "LA", "P", "1", "I;16"),
    "webp": ("RGB", "RGBA"),
    "gif": ("RGB", "RGBA", "L", "P", "1"),
    "bmp": ("RGB", "L", "1"),
    "tif": ("RGB", "RGBA", "L", "LA", "P", "1", "I;16"),
}
"""Modes of Pillow's images that a format takes as they are."""
SETTINGS: dict[str, dict[str, Any]] = {"jpg": {"quality": 95, "subsampling": 0}, "webp": {"lossless": True}}
"""So that nobody sees what re-encoding loses."""


@dataclass
class Repaired:
    """What became of a list."""

    renamed: int = 0
    reencoded: int = 0
    right: int = 0
    """They were what their names say already."""
    dropped: int = 0
    """Nothing can be done to them here; a recipe's `exclude` leaves their records out."""
    failed: list[str] = field(default_factory=list)
    """What could not be done, and why."""


def run(
    entries: Iterable[Entry], media: Path, backup: Path | None, *, dry_run: bool, advance: Advance = lambda _done: None
) -> Repaired:
    """Repair what lies below a media root.

    `backup` is the folder that originals go to; only with `dry_run`, which changes nothing, it may be None. Raises
    MissingFile for a media root that is none, UsageError for one in an object store and for a backup folder that is the
    root itself.
    """
    if is_remote(parsed(media)):
        raise UsageError(
            f"--media {parsed(media)}: nothing is replaced in an object store; repair a copy in a folder and send what "
            "changed, or leave the records out with `exclude`"
        )
    if not media.is_dir():
        raise MissingFile(f"{media}: no such folder, which --media names")
    if not dry_run:
        need("PIL.Image", "dedup")
        if backup is None:
            raise UsageError("name the folder that originals are kept in with --backup DIR")
        if backup.resolve() == media.resolve():
            raise UsageError(f"--backup {backup}: is the media root itself; name another folder")
    repaired = Repaired()
    for entry in entries:
        try:
            _one(entry, media, None if dry_run else backup, repaired)
        except DataError as refused:
            repaired.failed.append(f"{entry.media!r}: {refused}")
        except OSError as error:
            repaired.failed.append(f"{entry.media!r}: {error.strerror or error}")
        advance(1)
    return repaired


def _one(entry: Entry, media: Path, backup: Path | None, repaired: Repaired) -> None:
    """Do one repair; without a backup folder only say whether it can be done."""
    if entry.repair == "drop":
        repaired.dropped += 1
        return
    said = formats.said(entry.media)
    if said is None:
        raise DataError("its name says no format that is known")
    target = _inside(media, entry.media)
    if _format(target) == said:
        repaired.right += 1
    elif entry.repair == "rename":
        _rename(entry, media, target, said, dry=backup is None)
        repaired.renamed += 1
    else:
        _reencode(entry, media, target, said, backup)
        repaired.reencoded += 1


def _inside(media: Path, path: str) -> Path:
    """Give the file of a media path; a link on the way below the root is refused."""
    place = media
    for part in path.split("/"):
        place /= part
        try:
            mode = place.lstat().st_mode
        except FileNotFoundError:
            continue
        if S_ISLNK(mode):
            raise DataError(f"{place} is a link; repair what it leads to, with --media there")
    return place


def _format(file: Path) -> str | None:
    """Name the format of a good file, but for its name; None where there is none or it is bad."""
    _, format_, _, _, problem, _ = find_header(file)
    return format_ if problem in (None, "mislabelled") else None


def _rename(entry: Entry, media: Path, target: Path, said: str, *, dry: bool) -> None:
    """Give the right file the path as a further name: other records may use the one it has."""
    source = _source(entry, media)
    if source == target or _format(source) != said:
        raise DataError(f"{entry.from_ or 'nothing'} is no good {FORMATS[said].words}")
    if os.path.lexists(target):
        raise DataError("a file that is something else lies there")
    if dry:
        return
    try:
        os.link(source, target)
    except OSError:  # a file system without links
        atomic.replace_file(target, source.read_bytes())
    atomic.fsync_path(target.parent)


def _source(entry: Entry, media: Path) -> Path:
    return _inside(media, entry.from_ if entry.from_ is not None else entry.media)


def _reencode(entry: Entry, media: Path, target: Path, said: str, backup: Path | None) -> None:
    """Save an image as what the path says."""
    source = _source(entry, media)
    got = _format(source)
    if got is None:
        raise DataError(f"{entry.from_ or 'what lies there'} is no good image")
    if source != target and os.path.lexists(target):
        raise DataError("a file that is something else lies there")
    if not (FORMATS[got].pillow and FORMATS[said].pillow):
        raise DataError(f"{FORMATS[got].words} cannot be made {FORMATS[said].words}")
    if backup is None:
        return
    content = reencoded(source, got, said)
    if source == target:
        _keep(source, backup / entry.media)
    atomic.replace_file(target, content)
    atomic.fsync_path(target.parent)


def _keep(file: Path, copy: Path) -> None:
    """Copy an original to the backup folder. What is kept there already must be the same."""
    content = file.read_bytes()
    if os.path.lexists(copy):
        if not S_ISREG(copy.lstat().st_mode) or copy.read_bytes() != content:
            raise DataError(f"{copy} keeps another original; name another folder with --backup")
        return
    copy.parent.mkdir(parents=True, exist_ok=True)
    atomic.replace_file(copy, content)
    atomic.fsync_path(copy.parent)


def reencoded(file: Path, got: str, said: str) -> bytes:
    """Decode an image (of an animation: its first frame) and encode it in another format; names as in formats.py.

    JPEG and BMP get the three colours that trainers make of any image, with Pillow's `convert("RGB")`, so transparency
    goes. Colour profile and EXIF data are kept. Raises DataError where it does not decode.
    """
    image_module = need("PIL.Image", "dedup")
    out = BytesIO()
    try:
        with image_module.open(file, formats=[FORMATS[got].pillow]) as image:
            image.load()
            kept = {name: image.info[name] for name in ("icc_profile", "exif") if image.info.get(name)}
            plain = image if image.mode in MODES[said] else image.convert(_mode(image, said))
            plain.save(out, FORMATS[said].pillow, **kept, **SETTINGS.get(said, {}))
    except Exception as error:  # noqa: BLE001 - decoders of bad files raise whatever they stumble over
        raise DataError(undecodable(error)) from None
    return out.getvalue()


def _mode(image: Any, said: str) -> str:
    clear = "transparency" in image.info or image.mode.upper() in ("RGBA", "LA", "PA")
    return "RGBA" if clear and "RGBA" in MODES[said] else "RGB"

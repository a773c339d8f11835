"""One file from one address: ranged, resumed after a cut or a kill, bounded, checked, and placed only when it is right.

The hub's own library does not go on with a file once its process has ended, nor does it notice when a server has changed
a file between two of its tries. So it is asked what there is (hub.py), and the bytes of all files take this one road.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import IO, Any
from urllib.error import HTTPError

from mixer.errors import DataError, IntegrityError, MixerError
from mixer.fetching import addresses
from mixer.fetching.part import Part, Version
from mixer.fetching.published import Known
from mixer.hashing import sha256_of
from mixer.progress import Advance

BLOCK = 1 << 20
TRIES = 5
"""In a row that bring less than STEP bytes."""
STEP = 1 << 20
LONGEST = 60.0
"""Seconds between two tries."""
UNSAID = 4 << 30
"""Bytes that are read at most from a server that does not say how many there are."""
TEMPORARY = (408, 425, 429, 500, 502, 503, 504)


@dataclass(frozen=True)
class Remote:
    """A file at an address, and what is known of it."""

    url: str
    known: Known
    token: str | None = None
    page: str | None = None
    """Of the hub: where its terms are accepted."""
    told: int | None = None
    """Its size as the server says it, if nothing is known of it."""

    @property
    def size(self) -> int | None:
        """Give its size in bytes, as well as it is known."""
        return self.told if self.known.size is None else self.known.size


class _Again(Exception):
    """The server may give more when it is asked once more."""

    def __init__(self, said: str, wait: float | None = None) -> None:
        super().__init__(said)
        self.wait = wait


def download(
    remote: Remote,
    target: Path,
    advance: Advance = lambda _done: None,
    pause: Callable[[float], None] = time.sleep,
) -> str:
    """Fetch a file and put it at `target`, replacing what is there; give its sha256. `advance` is told the bytes.

    What is here of it stays when this ends early, and is gone on with. Raises DataError when the server does not give
    it, IntegrityError when its bytes are not those that are known.
    """
    part = Part(target)
    advance(_resumable(part, remote))
    tries = 0
    while True:
        before = part.size
        try:
            _receive(remote, part, advance)
            break
        except _Again as stopped:
            tries = 1 if part.size >= before + STEP else tries + 1
            if tries >= TRIES:
                raise DataError(
                    f"{remote.url}: {stopped}; tried {tries} times; run again to go on from byte {part.size:,}"
                ) from None
            pause(min(LONGEST, 2.0 ** (tries - 1) if stopped.wait is None else stopped.wait))
    sha256 = sha256_of(part.path)
    wrong = difference(part.path, remote.known, sha256)
    if wrong:
        part.forget()
        raise IntegrityError(f"{remote.url}: {wrong}; nothing was kept of it")
    part.place()
    return sha256


def difference(
    path: Path, known: Known, sha256: str | None = None, advance: Advance = lambda _done: None
) -> str | None:
    """Say in what a file differs from what is known of it, if it does; `sha256` is its own where it was computed."""
    size = path.stat().st_size
    if known.size is not None and size != known.size:
        return f"expected {known.size:,} bytes, got {size:,}"
    for name, expected in (("sha256", known.sha256), ("md5", known.md5), ("git id", known.git)):
        if expected is not None:
            got = (sha256 or sha256_of(path, advance)) if name == "sha256" else _hash(path, name, size)
            if got != expected:
                return f"expected {name} {expected}, got {got}"
    return None


def _hash(path: Path, name: str, size: int) -> str:
    digest = hashlib.new("md5" if name == "md5" else "sha1", usedforsecurity=False)
    if name == "git id":
        digest.update(b"blob %d\0" % size)
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _resumable(part: Part, remote: Remote) -> int:
    """Give how many bytes are here that the server can go on from; throw away others."""
    version = part.version()
    known = remote.known
    if (
        version is None
        or version.url != remote.url
        or (version.validator is None and not known.is_hash)
        or (known.size is not None and version.size not in (None, known.size))
        or (version.size is not None and part.size > version.size)
    ):
        part.forget()
        return 0
    return part.size


def _receive(remote: Remote, part: Part, advance: Advance) -> None:
    """Ask for what is missing once. Raises _Again where the server gave a part of it or may give it later."""
    before = part.size
    have = _resumable(part, remote)
    advance(have - before)
    version = part.version() if have else None
    if version and have == version.size:
        return
    headers = {}
    if version:
        headers["Range"] = f"bytes={have}-"
        if version.validator:
            headers["If_Range"] = version.validator
    try:
        with addresses.opened(addresses.request(remote.url, remote.token, **headers)) as answer:
            limit = _limit(answer, remote, part, have, advance)
            _take(answer, part, limit, advance)
    except HTTPError as error:
        with error:
            _refused(error, remote, part, advance)
    except (HTTPException, OSError) as error:  # OSError holds urllib's, sockets' and timeouts
        if getattr(error, "filename", None) is not None:  # this machine's own: no permission, a file for a folder
            raise
        reason = getattr(error, "reason", None) or error
        raise _Again(f"the connection failed ({addresses.shown(reason) or type(reason).__name__})") from None
    except ValueError as error:  # urllib's, of an address that it was sent on to
        raise DataError(f"{remote.url}: sends us on to an address that is none ({addresses.shown(error)})") from None
    version = part.version()
    if version and version.size is not None and part.size < version.size:
        raise _Again(f"the server stopped {version.size - part.size:,} bytes before the end")


def _limit(answer: Any, remote: Remote, part: Part, have: int, advance: Advance) -> int:
    """Judge the head of an answer, make the part fit it, and give how many bytes the whole file may have."""
    if answer.headers.get("Content-Encoding", "identity") != "identity":
        raise DataError(f"{remote.url}: expected the file as it is, got it packed by the server")
    validator = _validator(answer.headers)
    if answer.status == 206:
        version = part.version()
        start, whole = _content_range(answer.headers.get("Content-Range", ""))
        if version is None or start != have or whole != (version.size or whole) or validator != version.validator:
            _restart(part, have, advance)
            raise _Again("the file changed while it was fetched")
        return whole
    if have:  # the server gives all of it: it knows no ranges, or the file has changed
        advance(-have)
    total = _length(answer.headers)
    if total is None and answer.headers.get("Transfer-Encoding", "").lower() != "chunked":
        raise DataError(f"{remote.url}: the server does not say how long the file is, so a cut would not be seen")
    known = remote.known.size
    if known is not None and total is not None and total != known:
        part.forget()
        raise IntegrityError(f"{remote.url}: expected {known:,} bytes, the server has {total:,}")
    part.begin(Version(remote.url, validator, known if total is None else total))
    return next((size for size in (total, known) if size is not None), UNSAID)


def _take(answer: Any, part: Part, limit: int, advance: Advance) -> None:
    with part.path.open("ab", buffering=0) as file:
        size = file.tell()
        while block := answer.read1(BLOCK):  # what has come is kept, should the rest not come
            size += len(block)
            if size > limit:
                part.forget()
                raise IntegrityError(f"{part.target}: the server sends more than the {limit:,} bytes it may have")
            _write(file, block, part.path)
            advance(len(block))


def _write(file: IO[bytes], block: bytes, path: Path) -> None:
    view = memoryview(block)
    try:
        while view:
            view = view[file.write(view) :]
    except OSError as error:  # not the server's fault, so it is not asked again
        raise MixerError(f"{path}: {error.strerror}") from None


def _restart(part: Part, have: int, advance: Advance) -> None:
    part.forget()
    advance(-have)


def _refused(error: HTTPError, remote: Remote, part: Part, advance: Advance) -> None:
    if error.code == 416:  # what is here is no beginning of what is there
        _restart(part, part.size, advance)
        raise _Again("the file changed while it was fetched") from None
    if error.code in TEMPORARY:
        wait = error.headers.get("Retry-After", "")
        raise _Again(f"the server says {said(error)}", float(wait) if wait.isdecimal() else None) from None
    if error.code in (401, 403) and remote.page:
        raise DataError(not_allowed(remote.url, remote.page, said(error))) from None
    advice = "it may have moved: see where it is published" if error.code in (404, 410) else "see if a browser gets it"
    raise DataError(f"{remote.url}: the server says {said(error)}; {advice}") from None


def said(error: HTTPError) -> str:
    """Give a status as people know it."""
    return f"{error.code} {addresses.shown(error.reason)}".rstrip()


def not_allowed(what: str, page: str, status: str) -> str:
    """Say what to do about a repository that is gated, private or gone."""
    return (
        f"{what}: {status}: gated or private; accept its terms at {page}, "
        "then `huggingface-cli login` (or set HF_TOKEN) and run again"
    )


def _validator(headers: Any) -> str | None:
    tag = headers.get("ETag")
    if tag and not tag.startswith("W/"):
        return str(tag)
    changed = headers.get("Last-Modified")
    return str(changed) if changed else None


def _length(headers: Any) -> int | None:
    return addresses.number(headers.get("Content-Length"))


def _content_range(told: str) -> tuple[int, int]:
    """Read `bytes START-END/TOTAL`; (-1, -1) for anything else."""
    unit, _, rest = told.partition(" ")
    span, _, total = rest.partition("/")
    start, whole = addresses.number(span.partition("-")[0]), addresses.number(total)
    return (-1, -1) if unit != "bytes" or start is None or whole is None else (start, whole)

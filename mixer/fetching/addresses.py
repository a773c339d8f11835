"""Which addresses are asked, and how: https alone, also after a redirect, and a token goes to its own host alone."""

from __future__ import annotations

from http.client import HTTPException, HTTPMessage
from typing import IO
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, Request, build_opener

from mixer import __version__
from mixer.errors import DataError

TIMEOUT = 60.0
"""Seconds that a server may be silent."""
DIGITS = 18
"""Of a count of bytes at most."""
_HERE = ("localhost", "127.0.0.1", "::1")


def is_here(url: str) -> bool:
    """Say whether an address is of this machine, where http is no risk."""
    return urlsplit(url).hostname in _HERE


def check(url: str, came_from: str | None = None) -> None:
    """Raise DataError for an address that is not asked: other schemes than https, or this machine on another's word."""
    scheme = urlsplit(url).scheme
    if is_here(url) and came_from is not None and not is_here(came_from):
        raise DataError(f"{came_from}: sends us on to {url}, an address of this machine; it is not followed")
    if scheme != "https" and not (scheme == "http" and is_here(url)):
        raise DataError(
            f"{came_from or url}: {'sends us on to ' + url + '; ' if came_from else ''}expected an https address"
        )


class _Redirects(HTTPRedirectHandler):
    """Follow redirects to checked addresses only, with the same method; urllib itself turns HEAD into GET."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request:
        check(newurl, req.full_url)
        onward = super().redirect_request(req, fp, code, msg, headers, newurl)
        assert onward is not None, "it raises instead"
        onward.method = req.get_method()
        token = req.unredirected_hdrs.get("Authorization")
        if token and urlsplit(newurl)[:2] == urlsplit(req.full_url)[:2]:  # a repository that was renamed
            onward.add_unredirected_header("Authorization", token)
        return onward


def shown(told: object) -> str:
    """Give the first line of what a server says, without what a terminal would take for an order."""
    line = next(iter(str(told).splitlines()), "")
    return "".join(each for each in line if each.isprintable()).strip()


def _opener() -> OpenerDirector:
    return build_opener(_Redirects)


def request(url: str, token: str | None = None, method: str = "GET", **headers: str) -> Request:
    """Make a request for bytes as they are; a token is not handed on to another host."""
    check(url)
    asked = Request(url, method=method)  # noqa: S310  checked above
    asked.add_header("User-Agent", f"instruction-mixer/{__version__}")
    asked.add_header("Accept-Encoding", "identity")
    for name, value in headers.items():
        asked.add_header(name.replace("_", "-"), value)
    if token:
        asked.add_unredirected_header("Authorization", f"Bearer {token}")
    return asked


def opened(asked: Request) -> IO[bytes]:
    """Open a connection. Raises what urllib does."""
    answer: IO[bytes] = _opener().open(asked, timeout=TIMEOUT)
    return answer


def size_of(url: str, token: str | None = None) -> int | None:
    """Ask how large a file is; None if the server does not say so."""
    try:
        with opened(request(url, token, "HEAD")) as answer:
            told = answer.headers.get("Content-Length")  # type: ignore[attr-defined]
    except HTTPError as error:
        error.close()
        return None
    except (DataError, HTTPException, OSError, ValueError):  # whoever asks for the bytes is told
        return None
    return number(told)


def number(told: str | None) -> int | None:
    """Read a count of bytes from a header; None for anything else."""
    return int(told) if told and told.isdecimal() and len(told) <= DIGITS else None

"""What the Hugging Face hub has: the commit that a branch stands at, the files of a commit, and the user's token.

`HF_ENDPOINT` may name a mirror. The library knows how to ask; the bytes themselves are fetched by downloading.py.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from fnmatch import fnmatchcase
from functools import cached_property
from itertools import islice
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote

from mixer.errors import DataError, MixerError
from mixer.extras import need
from mixer.fetching import addresses
from mixer.fetching.downloading import LONGEST, TEMPORARY, TRIES, Remote, not_allowed
from mixer.fetching.published import Known, OnHub

T = TypeVar("T")
HUB = "https://huggingface.co"
MOST = 1_000_000
"""Files of a repository's folder that are looked at."""


class Found(NamedTuple):
    """A file of a repository at a commit."""

    path: str
    known: Known


class Hub:
    """The hub as one run sees it: what was asked once is not asked again."""

    def __init__(self, pause: Callable[[float], None] = time.sleep) -> None:
        self._pause = pause
        self._commits: dict[tuple[str, str | None], str] = {}
        self._folders: dict[tuple[str, str, str, bool], list[Found]] = {}

    @property
    def endpoint(self) -> str:
        """Give the address of the hub or its mirror."""
        return os.environ.get("HF_ENDPOINT", "").rstrip("/") or HUB

    @cached_property
    def _library(self) -> Any:
        addresses.check(self.endpoint)
        return need("huggingface_hub", "hub")

    @cached_property
    def _api(self) -> Any:
        return self._library.HfApi(endpoint=self.endpoint)

    def commit(self, entry: OnHub) -> str:
        """Give the commit that the entry names, else the one its branch stands at now."""
        if entry.revision:
            return entry.revision
        key = (entry.hub, entry.branch)
        if key not in self._commits:
            about = self._ask(entry, lambda: self._api.repo_info(entry.hub, repo_type="dataset", revision=entry.branch))
            commit = str(about.sha)
            if len(commit) != 40 or set(commit) - set("0123456789abcdef"):
                raise DataError(f"{entry.hub}: expected a commit of 40 hex digits from {self.endpoint}, got {commit!r}")
            self._commits[key] = commit
        return self._commits[key]

    def files(self, entry: OnHub, commit: str, pattern: str) -> list[Found]:
        """List the files of a commit that a path or pattern names, sorted; `**/` stands for any folders.

        Raises DataError when there is none.
        """
        anywhere = pattern.startswith("**/")
        parts = pattern.split("/")
        plain = next((at for at, part in enumerate(parts[:-1]) if "*" in part), len(parts) - 1)
        deep = anywhere or plain < len(parts) - 1
        found = self._folder(entry, commit, "/".join(parts[:plain]), deep)
        if anywhere:
            matches = [each for each in found if fnmatchcase(each.path.rpartition("/")[2], pattern[3:])]
        else:
            matches = [each for each in found if _matches(each.path.split("/"), parts)]
        if not matches:
            raise DataError(
                f"{entry.hub}: no file {pattern} at commit {commit}; see {entry.page}/tree/{commit} and put it in place by hand"
            )
        return sorted(matches)

    def _folder(self, entry: OnHub, commit: str, folder: str, deep: bool) -> list[Found]:
        key = (entry.hub, commit, folder, deep)
        if key not in self._folders:
            self._folders[key] = self._ask(entry, lambda: self._list(entry.hub, commit, folder, deep))
        return self._folders[key]

    def _list(self, repo: str, commit: str, folder: str, deep: bool) -> list[Found]:
        listing = self._api.list_repo_tree(repo, folder or None, recursive=deep, revision=commit, repo_type="dataset")
        found = []
        for each in islice(listing, MOST):
            size = getattr(each, "size", None)
            if size is None:  # a folder
                continue
            large = getattr(each, "lfs", None)
            known = Known(size=size, sha256=large.sha256) if large else Known(size=size, git=each.blob_id)
            found.append(Found(str(each.path), known))
        return found

    def remote(self, entry: OnHub, commit: str, path: str, known: Known) -> Remote:
        """Give the address of a file of a commit."""
        token = self._library.get_token()
        url = f"{self.endpoint}/datasets/{entry.hub}/resolve/{commit}/{quote(path)}"
        return Remote(url, known, token, entry.page)

    def _ask(self, entry: OnHub, ask: Callable[[], T]) -> T:
        """Ask the library; say what its errors mean, and ask again what the server may answer later."""
        errors = need("huggingface_hub.errors", "hub")
        what = f"{entry.hub} at {self.endpoint}"
        tries = 0
        while True:
            tries += 1
            try:
                return ask()
            except errors.GatedRepoError:
                raise DataError(not_allowed(what, entry.page, "the hub says no")) from None
            except errors.RevisionNotFoundError:
                raise DataError(f"{what}: has no revision {entry.revision or entry.branch}; see {entry.page}") from None
            except errors.EntryNotFoundError:
                raise DataError(f"{what}: has none of the files that were published there; see {entry.page}") from None
            except errors.RepositoryNotFoundError:
                raise DataError(not_allowed(what, entry.page, "not found")) from None
            except (getattr(errors, "HTTPError", OSError), OSError) as error:
                status = getattr(getattr(error, "response", None), "status_code", None)
                if status in (401, 403):
                    raise DataError(not_allowed(what, entry.page, str(status))) from None
                if (status is not None and status not in TEMPORARY) or tries == TRIES:
                    said = addresses.shown(error) or type(error).__name__
                    raise DataError(f"{what}: {said}; tried {tries} times; see {entry.page}") from None
                self._pause(min(LONGEST, 2.0 ** (tries - 1)))
            except MixerError:
                raise
            except Exception as error:  # noqa: BLE001 - the library has no error of its own for what it cannot read
                said = addresses.shown(f"{type(error).__name__}: {error}")
                raise DataError(
                    f"{what}: gives an answer that is none of the hub's ({said}); see {entry.page}"
                ) from None


def _matches(path: list[str], pattern: list[str]) -> bool:
    return len(path) == len(pattern) and all(map(fnmatchcase, path, pattern))

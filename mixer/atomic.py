"""Durable files and the publishing of a folder. Nobody else in mixer renames, exchanges or fsyncs.

A folder is built in `.<name>.mixer-<id>/` beside its target, under a lock on the target. When it is whole and on disk
it takes the target's place in one step: a rename where the target is absent or empty, else an exchange of the two
(Linux `renameat2`). So whoever looks, at any moment and after any kill, finds the old folder or the new one. Where a
file system refuses the exchange the target is first moved to `.<name>.mixer-old`; the one moment without a target is
repaired by the next command under the lock.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mixer.errors import MixerError, UsageError

AHEAD = 32 << 20
"""Bytes after which a file under way is sent to disk, so that the last fsync, a fifth of a build, finds it there."""
_LIBC = ctypes.CDLL(None)
_WRITE = 2
"""SYNC_FILE_RANGE_WRITE"""
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


def fsync_path(path: Path) -> None:
    """Put a file's or folder's content on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _start_writeback(descriptor: int, offset: int, length: int) -> None:
    """Ask the kernel to begin putting bytes of a file on disk, where it can be asked; waits for nothing."""
    start = getattr(_LIBC, "sync_file_range", None)
    if start is not None:
        start(ctypes.c_int(descriptor), ctypes.c_int64(offset), ctypes.c_int64(length), ctypes.c_uint(_WRITE))


class DurableFile:
    """A new file of a folder that is not published yet. Written without a buffer: callers bring large blocks."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("xb", buffering=0)
        self._written = self._started = 0

    def write(self, block: bytes) -> None:
        """Write a whole block."""
        rest = memoryview(block)
        while rest:
            rest = rest[self._file.write(rest) :]
        self._written += len(block)
        if self._written - self._started >= AHEAD:
            _start_writeback(self._file.fileno(), self._started, self._written - self._started)
            self._started = self._written

    def close(self, *, sync: bool) -> None:
        """Close the file, once its content is on disk if `sync` is asked for."""
        try:
            if sync:
                os.fsync(self._file.fileno())
        finally:
            self._file.close()


def write_file(path: Path, content: bytes) -> None:
    """Write a new file durably, in place: for files of a folder that is not published yet."""
    file = DurableFile(path)
    try:
        file.write(content)
    finally:
        file.close(sync=True)


@contextmanager
def replacing_file(path: Path) -> Iterator[DurableFile]:
    """Give a file to fill that is seen whole or not at all, replacing an older one."""
    temporary = path.with_name(f".{path.name}.{os.urandom(6).hex()}")
    file = DurableFile(temporary)
    try:
        try:
            yield file
        finally:
            file.close(sync=True)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def replace_file(path: Path, content: bytes) -> None:
    """Write a file so that it is seen whole or not at all, replacing an older one."""
    with replacing_file(path) as file:
        file.write(content)


def move_file(made: Path, target: Path) -> None:
    """Put a finished file in its place durably; whoever looks sees it whole or not at all."""
    fsync_path(made)
    made.replace(target)
    fsync_path(target.parent)


def remove_folder(folder: Path) -> None:
    """Delete a folder and all it holds, or a file that stands in a folder's place; its absence is fine."""
    if folder.is_file() or folder.is_symlink():
        folder.unlink()
    shutil.rmtree(folder, ignore_errors=True)


def publish_once(temporary: Path, target: Path) -> bool:
    """Rename a finished folder to a target that nobody replaces; False when another process was first."""
    fsync_path(temporary)
    try:
        temporary.rename(target)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            return False
        raise
    fsync_path(target.parent)
    return True


@contextmanager
def lock(path: Path, *, wait: Callable[[], None] | None = None) -> Iterator[None]:
    """Hold an exclusive lock on a lock file, created and removed again; `wait` is called once if another holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if wait:
                    wait()
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            # The holder before us may have removed the file that we hold; then somebody else may hold its successor.
            if _same_file(descriptor, path):
                try:
                    yield
                finally:
                    path.unlink(missing_ok=True)
                return
        finally:
            os.close(descriptor)


def _same_file(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


@contextmanager
def working_folder(parent: Path) -> Iterator[Path]:
    """Give an empty folder below `parent` that is removed on leaving; what killed processes left there goes first.

    A folder in use is told by the lock its process holds, wherever that process runs.
    """
    parent.mkdir(parents=True, exist_ok=True)
    for left in stale_folders(parent):
        remove_folder(left)
        left.with_suffix(".lock").unlink(missing_ok=True)
    for left in parent.glob(".working-*.lock"):  # whoever was killed after removing its folder
        if not left.with_suffix("").exists():
            _remove_unheld(left)
    folder = parent / f".working-{os.urandom(6).hex()}"
    with lock(folder.with_suffix(".lock")):
        folder.mkdir()
        try:
            yield folder
        finally:
            remove_folder(folder)


def _remove_unheld(path: Path) -> None:
    """Remove a lock file that nobody holds."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink(missing_ok=True)
    except BlockingIOError:
        pass
    finally:
        os.close(descriptor)


def stale_folders(parent: Path) -> list[Path]:
    """List the working folders below `parent` whose process is gone."""
    return [path for path in sorted(parent.glob(".working-*")) if path.suffix != ".lock" and not _is_locked(path)]


def _is_locked(folder: Path) -> bool:
    try:
        descriptor = os.open(folder.with_suffix(".lock"), os.O_RDWR)
    except FileNotFoundError:
        return False  # the lock is made before its folder and removed after it
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _aside(target: Path) -> Path:
    return target.with_name(f".{target.name}.mixer-old")


def _leftovers(target: Path) -> list[Path]:
    """List what killed builds of a target left beside it, the lock file apart."""
    ours = re.compile(rf"\.{re.escape(target.name)}\.mixer-(old|[0-9a-f]{{12}})")
    return [path for path in target.parent.iterdir() if ours.fullmatch(path.name)]


@contextmanager
def replacing(
    target: Path, *, check: Callable[[], None] = lambda: None, wait: Callable[[], None] | None = None
) -> Iterator[Path]:
    """Give an empty folder to fill; on leaving without an error it becomes the target, whole and durable.

    `check` is called right before, and may raise because of what has come to lie at the target meanwhile.
    Leftovers of killed builds are repaired and removed first, under the target's lock. On an error or Ctrl-C nothing
    stays behind and the old target is untouched.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with lock(target.with_name(f".{target.name}.mixer-lock"), wait=wait):
        repair(target)
        temporary = target.with_name(f".{target.name}.mixer-{os.urandom(6).hex()}")
        temporary.mkdir()
        try:
            yield temporary
            sync_tree(temporary)
            check()
            _take_place(temporary, target)
        finally:
            remove_folder(temporary)


def repair(target: Path) -> None:
    """Undo what a kill left beside a target whose lock is held: put an old target back, remove half-built folders."""
    aside = _aside(target)
    if aside.exists() and not target.exists():
        aside.rename(target)
        fsync_path(target.parent)
    for path in _leftovers(target):
        remove_folder(path)


def sync_tree(folder: Path) -> None:
    """Put a folder and all it holds on disk."""
    for directory, _, files in os.walk(folder):
        for name in files:
            fsync_path(Path(directory, name))
        fsync_path(Path(directory))


def _take_place(temporary: Path, target: Path) -> None:
    try:
        temporary.rename(target)  # works where the target is absent or an empty folder
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        if not exchange(temporary, target):
            target.rename(_aside(target))
            temporary.rename(target)
    fsync_path(target.parent)
    remove_folder(_aside(target))


def exchange(first: Path, second: Path) -> bool:
    """Exchange two folders in one step; False where the file system or the system cannot."""
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if renameat2 is None:
        return False
    if renameat2(_AT_FDCWD, os.fsencode(first), _AT_FDCWD, os.fsencode(second), _RENAME_EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EPERM):
        return False
    raise OSError(code, os.strerror(code), str(second))


def can_exchange(folder: Path) -> bool:
    """Say whether the file system exchanges two folders in one step; tried inside a folder that is not published yet."""
    first, second = folder / "try-1", folder / "try-2"
    try:
        first.mkdir()
        second.mkdir()
        return exchange(first, second)
    finally:
        remove_folder(first)
        remove_folder(second)


def refuse_overlap(target: Path, store: Path) -> None:
    """Refuse a target that holds the store, lies in it, or that the process stands in. Raises UsageError."""
    target, store, here = (path.resolve() for path in (target, store, Path.cwd()))
    advice = "name another folder with --out"
    if store.is_relative_to(target) or target.is_relative_to(store):
        raise UsageError(f"--out {target}: overlaps the store {store}; {advice}")
    if here.is_relative_to(target):
        raise UsageError(f"--out {target}: is or holds the working folder, which cannot be replaced; {advice}")


def refuse_unspeakable(path: Path) -> None:
    """Refuse a path that has no UTF-8 form here, since not every library can open it. Raises UsageError."""
    try:
        str(path.absolute()).encode()
    except UnicodeEncodeError:
        shown = str(path).encode(errors="backslashreplace").decode()
        raise UsageError(f"{shown}: is not a UTF-8 path under this locale; name another folder") from None


def refuse_foreign(target: Path, is_ours: Callable[[Path], str | None]) -> None:
    """Refuse a target that a build must not replace, before any work.

    It may be absent, empty, or a folder of which `is_ours` finds nothing to say. Raises UsageError.
    """
    advice = "name another folder with --out"
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise UsageError(
            f"--out {target}: expected a folder, got {'a link' if target.is_symlink() else 'a file'}; {advice}"
        )
    if not target.exists():
        return
    if os.path.ismount(target):
        raise UsageError(f"--out {target}: is a mount point, which cannot be replaced as a whole; {advice}")
    if any(target.iterdir()):
        reason = is_ours(target)
        if reason:
            raise UsageError(f"--out {target}: {reason}; {advice}")


def ensure_space(folder: Path, needed: int) -> None:
    """Refuse to begin what cannot fit. Raises MixerError with both figures, in bytes."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise MixerError(
            f"{folder}: {needed:,} bytes are needed and {free:,} are free; free some or name another folder"
        )

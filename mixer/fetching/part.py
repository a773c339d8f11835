"""A file under way: its bytes so far in `.NAME.part`, and which version of which address they are of beside it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from mixer import atomic


class Version(msgspec.Struct, frozen=True):
    """What tells a file at an address from a later one there."""

    url: str
    """Without the host's own additions: as it was asked for."""
    validator: str | None
    """A strong ETag, else the time of the last change."""
    size: int | None


@dataclass
class Part:
    """The bytes that are here of a file that is not whole yet."""

    target: Path

    @property
    def path(self) -> Path:
        """Give where the bytes lie."""
        return self.target.with_name(f".{self.target.name}.part")

    @property
    def _note(self) -> Path:
        return self.target.with_name(f".{self.target.name}.part-of")  # ends unlike any raw file

    @property
    def size(self) -> int:
        """Count the bytes that are here."""
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def version(self) -> Version | None:
        """Say what the bytes are of; None if there are none or it is not known."""
        try:
            known = msgspec.json.decode(self._note.read_bytes(), type=Version)
        except (FileNotFoundError, msgspec.DecodeError, msgspec.ValidationError):
            return None
        return known if self.path.is_file() and not self.path.is_symlink() else None

    def begin(self, version: Version) -> None:
        """Throw away what is here and begin with another version."""
        self.forget()
        self.target.parent.mkdir(parents=True, exist_ok=True)
        self.path.touch(exist_ok=False)
        atomic.replace_file(self._note, msgspec.json.encode(version))

    def forget(self) -> None:
        """Throw away what is here."""
        self._note.unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)

    def place(self) -> None:
        """Put the whole file in its place, seen whole or not at all."""
        atomic.move_file(self.path, self.target)
        self._note.unlink(missing_ok=True)

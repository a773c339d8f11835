"""Reads one JSON document as one record: a small file whose value is needed whole, such as a list of texts.

`of("texts")` gives the reader: the document is what the raw type's field of that name holds. Places count documents, of
which there is one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from mixer.readers import Batch, depth
from mixer.readers.faults import FAULTS, bad, damaged, wrong_start
from mixer.readers.mapping import mapped, text_end, text_start

DOCUMENT = "a JSON document"


@dataclass(frozen=True)
class Whole:
    """The reader of a document that fills one field; see the module's docstring."""

    field: str
    unit = "documents"

    def cut(self, path: Path, place: int) -> int:
        """Give what is before the document, or behind it: nothing between is an edge."""
        if not path.stat().st_size:
            raise wrong_start(path, memoryview(b""), 0, DOCUMENT)
        return min(max(place, 0), 1)

    def read(self, path: Path, start: int, stop: int, raw: type, piece: int) -> Iterator[Batch]:  # noqa: ARG002 - the face of a reader
        """Read the document, if the span holds it."""
        if start or stop < 1:
            return
        with mapped(path) as view:
            at = text_start(view)
            if at == len(view) or bytes(view[at : at + 1]) not in (b"[", b"{"):
                raise wrong_start(path, view, at, DOCUMENT)
            if len(view) > depth.LONGEST:
                raise damaged(path, len(view), f"{DOCUMENT} of at most {depth.LONGEST:,} bytes", "a longer file")
            text = bytes(view[at : text_end(view)])
            yield Batch([self._decoded(path, text, at, raw)], 1)

    def _decoded(self, path: Path, text: bytes, at: int, raw: type) -> Any:
        wrapped = b'{"%b":%b}' % (self.field.encode(), text)
        try:
            return msgspec.json.decode(wrapped, type=raw)
        except FAULTS as error:
            try:
                msgspec.json.decode(text, type=msgspec.Raw)
            except FAULTS:
                raise damaged(path, at + len(text), f"the end of {DOCUMENT}", "the end of the file") from None
            return bad(error, wrapped, at)


def of(field: str) -> Whole:
    """Make the reader of a document that fills this field of the raw type."""
    return Whole(field)

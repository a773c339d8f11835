"""What can be wrong with a medium: one finding a file, the worst."""

from __future__ import annotations

from typing import Literal

Repair = Literal["rename", "reencode", "drop"]

FINDINGS = {
    "missing": "is in none of the media roots",
    "empty": "has no bytes",
    "unreadable": "cannot be read",
    "pointer": "is a Git LFS pointer: fetch the file itself with `git lfs pull`",
    "page": "is a text in the place of a medium, such as a server's error page",
    "folder": "is a folder where a file is expected",
    "unknown": "begins like no image, video or sound that is known",
    "misplaced": "is another kind of medium than its records say",
    "cut": "ends before its end",
    "damaged": "has a header that cannot be read",
    "undecodable": "does not decode",
    "huge": "has more pixels than Pillow opens",
    "blank": "is a single pixel, as servers send in the place of lost images",
    "mislabelled": "is of another format than its name says",
}
"""Finding -> what it says of a file; the order of the summary's columns."""

"""Pairs as RLHF-V and RLAIF-V publish them: a question about one image and two answers, with where they come from."""

from __future__ import annotations

from pathlib import PurePosixPath

import msgspec

from mixer import embedded
from mixer.conversation import Labelled, Labels, Skip
from mixer.shared.cells import ImageCell
from mixer.shared.json_text import parsed
from mixer.shared.pairs import PairOptions, pair


class Sides(msgspec.Struct):
    """A question, the better answer and the worse one."""

    question: str
    chosen: str
    rejected: str


class Listed(Sides, array_like=True):
    """The same as a JSON list."""


class Origin(msgspec.Struct):
    """Which kind of question it is; the other members are models."""

    type: str | None = None


class Published(msgspec.Struct, kw_only=True):
    """What says where a pair comes from; `origin_split` holds JSON, once in base64."""

    origin_dataset: str
    origin_split: str
    image_path: str | int

    def record(
        self, sides: Sides, options: PairOptions, *, id: str, image: str, held: ImageCell | None = None
    ) -> Labelled | Skip:
        """Make its record; `held` is the image where the data hold it."""
        made = pair(options, id=id, prompt=sides.question, chosen=sides.chosen, rejected=sides.rejected, image=image)
        if isinstance(made, Skip):
            return made
        labels = Labels(subset=self.origin_dataset, task=parsed(as_json(self.origin_split), Origin).type)
        return Labelled(made, labels, embedded={image: held.content} if held else None)


def stem(path: str | int) -> str:
    """Name an image by its file, whatever folders come before."""
    name = str(path).rpartition("/")[2]
    return name.rpartition(".")[0] or name


def below(folder: str, path: str) -> str:
    """Put the path that a line names its image by below a folder. An absolute one stays: its record is bad."""
    return str(PurePosixPath(folder, path))


def sides(text: str) -> Sides:
    """Read a question with its answers out of a text that holds JSON. Raises ValueError: its record is bad."""
    text = as_json(text)
    return parsed(text, Listed if text.startswith("[") else Sides)


def as_json(text: str) -> str:
    """Give the JSON of a text, which may be in base64. Raises ValueError where it is neither."""
    text = text.strip()
    if text.startswith(("{", "[")):
        return text
    try:
        return embedded.from_base64(text).decode().strip()
    except ValueError:
        raise ValueError("a text that should hold JSON does not") from None

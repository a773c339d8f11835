r"""RLHF-V: answers about an image by a model, and the same ones corrected by people, often in a few words only.

Page: https://huggingface.co/datasets/openbmb/RLHF-V-Dataset
Raw (parquet): {"ds_name": "RLHF-V", "image": {"bytes": b"...", "path": "000000021.jpg"}, "text": "{\"question\": \"What
     is on the shelf?\", \"chosen\": \"A tin jug.\", \"rejected\": \"Two tin jugs.\"}", "origin_dataset": "LCS-558K",
     "origin_split": "{\"model\": \"...\", \"type\": \"question_answering\"}", "idx": 7,
     "image_path": "llava1.5_raw_images/00013/000000021.jpg"}

Licence: CC-BY-NC-4.0. The corrected answer is the better one; nothing is added to the question. Quirks:
- `text` and `origin_split` are texts that hold JSON. Copies have `text` as an object, or its members as columns.
- The images are in the tables only. They are named by their content; an id is the image's name and the pair's `idx`.
- The lines of January 2024 (`packaging=jsonl`) hold no images: `image_path` is a path, put below `rlhf_v` of the media
  root, or the number of a photo of COCO. Their index is `origin_split_inner_idx`, and `origin_split` is in base64.
- The first release (`packaging=tsv`) has no header, and image, list of texts and `origin_split` in base64.
- `packaging=llama_factory` is llamafactory/RLHF-V, a copy in LLaMA-Factory's format, its tables below `llama_factory`.
- Not offered: the two JSON files of December 2023, whose records are not documented.
"""

from typing import Literal

import msgspec
from pydantic import Field

from mixer import embedded
from mixer.conversation import Labelled, Skip
from mixer.readers import csv_rows, json_lines, parquet_rows
from mixer.shared import coco_images, reformatted
from mixer.shared.cells import ImageCell
from mixer.shared.pairs import PairOptions
from mixer.shared.rlhf_pairs import Published, Sides, below, sides, stem
from mixer.sources import File, Source

COLUMNS = ("dataset_name", "base64", "text", "origin_dataset", "origin_split", "idx", "image_path")
"""Of the first release, in our words."""


class Pair(Published, kw_only=True):
    """A pair; its texts are in `text` or apart."""

    idx: int | str
    text: str | Sides | None = None
    question: str | None = None
    chosen: str | None = None
    rejected: str | None = None
    held: ImageCell | None = None

    def __post_init__(self) -> None:
        """Bring the texts together."""
        if isinstance(self.text, str):
            self.text = sides(self.text)
        elif self.text is None:
            if self.question is None or self.chosen is None or self.rejected is None:
                raise ValueError("neither `text` nor all of `question`, `chosen` and `rejected`")
            self.text = Sides(self.question, self.chosen, self.rejected)


class Row(Pair, kw_only=True):
    """A row of the table."""

    held: ImageCell = msgspec.field(name="image")


class Line(Pair, kw_only=True):
    """A line of January 2024."""

    idx: int | str = msgspec.field(name="origin_split_inner_idx")


class Coded(Pair, kw_only=True):
    """A row of the first release."""

    base64: str

    def __post_init__(self) -> None:
        """Decode the image, too."""
        self.held = ImageCell(embedded.from_base64(self.base64))
        super().__post_init__()


class RlhfVOptions(PairOptions):
    """Which release."""

    packaging: Literal["parquet", "jsonl", "tsv", "llama_factory"] = Field(
        default="parquet",
        description="The table with images, the lines without, the first release in base64, or LLaMA-Factory's copy.",
    )


SOURCE = Source(
    title="RLHF-V",
    homepage="https://huggingface.co/datasets/openbmb/RLHF-V-Dataset",
    licence="CC-BY-NC-4.0",
    terms=("CC-BY-NC-4.0",),
    modality="image",
    task="preference",
    language="en",
    files=(
        File("RLHF-V-Dataset.parquet", parquet_rows, Row, records=5_733, when={"packaging": "parquet"}),
        File("RLHF-V-Dataset.jsonl", json_lines, Line, when={"packaging": "jsonl"}),
        File("*.tsv", csv_rows.of("\t", columns=COLUMNS, quoting=False), Coded, when={"packaging": "tsv"}),
        File("llama_factory/*.parquet", parquet_rows, reformatted.Ranked, when={"packaging": "llama_factory"}),
    ),
    options=RlhfVOptions,
    media=("rlhf_v",),
    records=5_733,
)


def convert(raw: Pair | reformatted.Ranked, options: RlhfVOptions) -> Labelled | Skip:
    """Make a record of a pair."""
    if isinstance(raw, reformatted.Ranked):
        return reformatted.record(raw, options, "rlhf_v")
    assert isinstance(raw.text, Sides), "brought together"
    image = raw.held.name("rlhf_v") if raw.held else _path(str(raw.image_path))
    return raw.record(raw.text, options, id=f"{stem(raw.image_path)}-{raw.idx}", image=image, held=raw.held)


def _path(path: str) -> str:
    return coco_images.path(int(path), "train2017") if path.isdecimal() else below("rlhf_v", path)

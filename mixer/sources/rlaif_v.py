r"""RLAIF-V: pairs of a model's answers about an image, of which open models judged one statement after the other.

Page: https://huggingface.co/datasets/openbmb/RLAIF-V-Dataset
Raw (parquet): {"ds_name": "RLAIF-V", "image": {"bytes": b"...", "path": "000000021.jpg"}, "question": "how many jugs?",
     "chosen": "The shelf holds one tin jug.", "rejected": "The shelf holds two jugs.", "origin_dataset": "...",
     "origin_split": "{\"type\": \"question_answering\", ...}", "idx": "7",
     "image_path": "llava1.5_raw_images/00013/000000021.jpg"}
Raw (pipeline): {"image_id": "21", "image_path": "./imgs/21.jpg", "ds_question_id": "21_0", "question": ..., "chosen": ...,
     "rejected": ..., "org_infos": {...}}

Licence: CC-BY-NC-4.0. Questions keep their case and spelling, and nothing is added to them. Quirks:
- The images are in the tables, some of them grey; they are named by their content. An id is the image's name and `idx`.
- The same question about the same image comes in several pairs, of other answers. They all stay, so an instruction mix
  has the question several times; `max_per_image` takes fewer.
- Copies of about 33,800 and of 44,757 pairs carry the same name as the present one of 83,132.
- The authors' trainer writes the tables anew with a column `logps` (`packaging=withlogp`), which is not read.
- `packaging=trl` is trl-lib/rlaif-v or HuggingFaceH4/rlaif-v_formatted, copies in TRL's format, its tables below `trl`.
- What their pipeline writes (`packaging=pipeline`) are lines without images, which are looked for below `rlaif_v` of the
  media root. The lines that go into the pipeline have no answers: they are bad records.
"""

from typing import Literal

from pydantic import Field

from mixer.conversation import Conversation, Labelled, Skip, content_id, qa
from mixer.readers import json_lines, parquet_rows
from mixer.shared import reformatted
from mixer.shared.cells import ImageCell
from mixer.shared.pairs import PairOptions, pair
from mixer.shared.rlhf_pairs import Published, Sides, below, stem
from mixer.sources import File, Source


class Row(Published, kw_only=True):
    """A pair."""

    image: ImageCell
    question: str
    chosen: str
    rejected: str
    idx: int | str


class Line(Sides, kw_only=True):
    """A pair as the pipeline writes it."""

    image_path: str


class RlaifVOptions(PairOptions):
    """Which files."""

    packaging: Literal["parquet", "withlogp", "pipeline", "trl"] = Field(
        default="parquet",
        description="The tables, those that the trainer wrote, lines of the authors' pipeline, or a copy for TRL.",
    )


SOURCE = Source(
    title="RLAIF-V",
    homepage="https://huggingface.co/datasets/openbmb/RLAIF-V-Dataset",
    licence="CC-BY-NC-4.0",
    terms=("CC-BY-NC-4.0",),
    modality="image",
    task="preference",
    language="en",
    files=(
        File("RLAIF-V-Dataset_*.parquet", parquet_rows, Row, when={"packaging": "parquet"}),
        File("RLAIF-V-Dataset-withlogp_*.parquet", parquet_rows, Row, when={"packaging": "withlogp"}),
        File("*.jsonl", json_lines, Line, when={"packaging": "pipeline"}),
        File("trl/*.parquet", parquet_rows, reformatted.Typed, when={"packaging": "trl"}),
    ),
    options=RlaifVOptions,
    media=("rlaif_v",),
    records=83_132,
)


def convert(raw: Row | Line | reformatted.Typed, options: RlaifVOptions) -> Conversation | Labelled | Skip:
    """Make a record of a pair."""
    if isinstance(raw, reformatted.Typed):
        return reformatted.record(raw, options, "rlaif_v")
    if isinstance(raw, Row):
        sides = Sides(raw.question, raw.chosen, raw.rejected)
        image = raw.image.name("rlaif_v")
        return raw.record(sides, options, id=f"{stem(raw.image_path)}-{raw.idx}", image=image, held=raw.image)
    image = below("rlaif_v", raw.image_path)
    id = content_id(stem(raw.image_path), qa(id="", question=raw.question, answer=raw.chosen, image=image))
    return pair(options, id=id, prompt=raw.question, chosen=raw.chosen, rejected=raw.rejected, image=image)

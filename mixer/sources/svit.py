r"""SVIT in its own format: conversation, reasoning, description and referring about Visual Genome.

Page: https://huggingface.co/datasets/BAAI/SVIT
Raw: {"image_id": 713, "conversations": [{"content": [{"from": "user", "value": "What hangs on the hook?"},
     {"from": "gpt", "value": "A <st>ladle<ed> [0.12, 0.207, 0.2, 0.747] hangs there."}]}]}

Licence: CC-BY-4.0, gated. Made into LLaVA's format as its authors did: a record per block, `<image>` first, `user` as
`human`; in referring QA `<st>` and `<ed>` removed, one of three requests after each question (picked by hash; theirs
was random), boxes moved to the square-padded image. Their ids are running numbers without a published rule; ours name
the image and the content. Quirks:
- No record names its file: folder and size come from Visual Genome's image_data.json (`image_id`; release 1.0: `id`).
  An image it lacks is skipped, unless the record has an `image` or `image_path` of its own and no boxes to move.
- A bracketed group that is not four numbers of 0 to 1 is no box and stays as it is.
- Failed GPT calls ("message is empty", and the descriptions of 21 images that the authors list) are skipped.
"""

from typing import Literal

import msgspec
from pydantic import Field

from mixer.boxes import text_in_square
from mixer.conversation import GPT, HUMAN, IMAGE, Conversation, Labelled, Labels, Skip, Turn, content_id
from mixer.prompts import pick
from mixer.readers import json_array
from mixer.shared import vg_images
from mixer.shared.vg_images import Place
from mixer.sources import File, Options, Source

Kind = Literal["conversation", "complex", "detail", "referring"]
TASKS: dict[str, str] = {"conversation": "chat", "complex": "chat", "detail": "caption", "referring": "grounding"}
"""Kind of record, as ids name it -> its task."""

LOCATE = (
    "Provide the bounding boxes of the mentioned objects.",
    "Include the coordinates for each mentioned object.",
    "Locate the objects with their coordinates.",
)
FAILED = frozenset((30, 4417, 1159649, 1591845, 2316987, 2319201, 2319806, 2327174, 2342212, 2343061, 2349999))
FAILED |= {2360367, 2378561, 2382059, 2382113, 2385150, 2394393, 2397078, 2402123, 2403887, 2415254}


class Block(msgspec.Struct):
    """One conversation about the image; its `topic`, if any, is not used."""

    content: list[Turn]


class Raw(msgspec.Struct):
    """All of one file's conversations about an image."""

    image_id: int
    conversations: list[Block]
    image: str | None = None
    image_path: str | None = None
    kind: str = ""
    place: Place | None = None


class SvitOptions(Options):
    """Which of the four files to read."""

    parts: tuple[Kind, ...] = Field(
        default=("conversation", "complex", "detail", "referring"),
        min_length=1,
        description="Kinds of conversation to make; each kind is one published file.",
    )


def _part(path: str, kind: str) -> File:
    return File(path, json_array, Raw, when={"parts": kind}, give={"kind": kind})


SOURCE = Source(
    title="SVIT",
    homepage="https://huggingface.co/datasets/BAAI/SVIT",
    licence="CC-BY-4.0 (gated)",
    terms=("CC-BY-4.0",),
    modality="image",
    task="chat",
    language="en",
    files=(
        _part("conversation.json", "conversation"),
        _part("complex_reasoning.json", "complex"),
        _part("detail_description.json", "detail"),
        _part("referring_qa.json", "referring"),
    ),
    options=SvitOptions,
    lookups=(vg_images.lookup(match="image_id", field="place"),),
    media=("vg/VG_100K", "vg/VG_100K_2"),
)


def convert(raw: Raw, _options: SvitOptions) -> list[Labelled | Skip]:
    """Make a record of each block."""
    return [_record(raw, part, block.content) for part, block in enumerate(raw.conversations)]


def _record(raw: Raw, part: int, turns: list[Turn]) -> Labelled | Skip:
    if (raw.kind == "detail" and raw.image_id in FAILED) or any("message is empty" in turn.value for turn in turns):
        return Skip("failed GPT call")
    image = raw.place.path if raw.place else raw.image or raw.image_path
    if image is None or (raw.place is None and raw.kind == "referring"):
        return Skip("image not in image_data.json")
    if raw.place is not None and raw.kind == "referring":
        turns = [_located(turn, raw.place, f"{raw.image_id}", f"{part}", f"{n}") for n, turn in enumerate(turns)]
    said = [Turn(HUMAN if turn.from_ == "user" else turn.from_, turn.value) for turn in turns]
    if said:
        said[0].value = f"{IMAGE}\n{said[0].value}"
    record = Conversation(id="", image=image, conversations=said)
    record.id = content_id(f"svit_{raw.kind}_{raw.image_id}", record, part)
    return Labelled(record, Labels(subset=raw.kind, task=TASKS[raw.kind]))


def _located(turn: Turn, place: Place, *which: str) -> Turn:
    """Write a turn of referring QA with plain names, boxes in the padded square and, after a question, a request."""
    text = text_in_square(turn.value.replace("<st>", "").replace("<ed>", ""), place.width, place.height, decimals=3)
    return Turn(turn.from_, f"{text} {pick(LOCATE, 'svit', *which, 'request')}" if turn.from_ != GPT else text)

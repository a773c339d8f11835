r"""M4-Instruct: LLaVA-NeXT-Interleave's dialogues about several images, frames and views, and about videos.

Page: https://huggingface.co/datasets/lmms-lab/M4-Instruct-Data
Raw: {"sample_id": 12, "conversations": [{"from": "human", "value": "<image><image>\nWhat has changed?"}, {"from": "gpt",
     "value": "The kite has landed."}], "image": ["HQ-Edit/images/24.jpg", "HQ-Edit/images/25.jpg"], "choice_list":
     null, "metadata": {"dataset": "HQ-Edit-Diff", "split": "train", "num_sample": 6980, "task_instruction":
     "Compare the two pictures.", "question_type": "open-ended"}}

Licence: CC-BY-4.0 plus OpenAI terms. Paths stay as published, relative to the unpacked zips, each of which is named like
the first folder. Texts are kept byte for byte, several `<image>`s side by side or one at the end. Repairs and quirks:
- Where the first turn is not the human's, the roles are swapped (the first record, `twitter_post`): turns are human's and
  gpt's by turns from the first on.
- `sample_id` starts anew in each set: ids are `<dataset>_<sample_id>`. Where one of them is missing, an `id` is kept, and
  without one ours names image and content.
- Some records have other numbers of `<image>`s and images. They are skipped; `surplus=cut` keeps the images that come
  first where there are too many.
- `image` is a list or a path; a list of one becomes that one. `task_instruction` and `choice_list` are not used.
- In the video file `video` is a file or a folder of frames, kept as published. The one `<image>` that stands for it
  becomes `<video>`. How its records look is known only from their use in training, so it is read on demand.
"""

from typing import Literal

import msgspec
from pydantic import Field

from mixer.conversation import GPT, HUMAN, IMAGE, VIDEO, Conversation, Labelled, Labels, Skip, Turn, content_id, media
from mixer.readers import json_array
from mixer.sources import File, Options, Source


class Metadata(msgspec.Struct):
    """Where a record comes from."""

    dataset: str | None = None
    split: str | None = None
    question_type: str | None = None


class Raw(msgspec.Struct):
    """A record of either file."""

    conversations: list[Turn]
    sample_id: str | int | None = None
    id: str | int | None = None
    image: str | list[str] | None = None
    video: str | None = None
    metadata: Metadata | None = None


class M4Options(Options):
    """Which files to read, and what becomes of images without a placeholder."""

    parts: tuple[Literal["images", "video"], ...] = Field(
        default=("images",), min_length=1, description="images: m4_instruct_annotations; video: m4_instruct_video."
    )
    surplus: Literal["skip", "cut"] = Field(
        default="skip", description="Records with more images than placeholders: skip them, or cut the last images off."
    )


SOURCE = Source(
    title="M4-Instruct",
    homepage="https://huggingface.co/datasets/lmms-lab/M4-Instruct-Data",
    licence="CC-BY-4.0 plus OpenAI terms",
    terms=("CC-BY-4.0", "OpenAI"),
    modality="image",
    task="chat",
    language="en",
    files=(
        File("m4_instruct_annotations.json", json_array, Raw, when={"parts": "images"}),
        File("m4_instruct_video.json", json_array, Raw, when={"parts": "video"}),
    ),
    options=M4Options,
    media=(
        *("ALFRED", "CLEVR-Change", "DocVQA", "FlintstonesSV", "HQ-Edit", "IEdit", "MIT-States_PropertyCoherence"),
        *("MIT-States_StateCoherence", "MagicBrush", "OCR-VQA", "PororoSV", "VizWiz", "dreamsim", "nextqa", "nuscenes"),
        *("scannet_frames_25k", "star", "shareVideoGPTV"),
    ),
)


def convert(raw: Raw, options: M4Options) -> Labelled | Skip:
    """Pass a record through, its roles and its number of images checked."""
    turns = raw.conversations
    if turns and turns[0].from_ != HUMAN:
        turns = [Turn((HUMAN, GPT)[place % 2], turn.value) for place, turn in enumerate(turns)]
    if raw.video is not None:
        turns = [Turn(turn.from_, turn.value.replace(IMAGE, VIDEO)) for turn in turns]
    images = [raw.image] if isinstance(raw.image, str) else raw.image or []
    placeholders = sum(turn.value.count(IMAGE) for turn in turns)
    if options.surplus == "cut" and placeholders:
        images = images[:placeholders]
    if placeholders != len(images):
        return Skip("number of <image> placeholders is not the number of images")
    image = images if len(images) > 1 else next(iter(images), None)
    record = Conversation(id="", image=image, video=raw.video, conversations=turns)
    about = raw.metadata or Metadata()
    if about.dataset and raw.sample_id is not None:
        record.id = f"{about.dataset}_{raw.sample_id}"
    elif raw.id is not None:
        record.id = f"{raw.id}"
    else:
        record.id = content_id(next(iter(media(record)), "text"), record)
    task = "choice" if about.question_type == "multi-choice" else None
    return Labelled(record, Labels(subset=about.dataset, split=about.split, task=task))

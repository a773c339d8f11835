r"""MoE-LLaVA's data: LLaVA-format annotations of other sets, repackaged for its three stages.

Page: https://huggingface.co/datasets/LanguageBind/MoE-LLaVA
Raw: {"id": "0", "image": ["mimicit_tune/LA/a7.jpg", "mimicit_tune/LA/b2.jpg"], "conversations": [{"from": "human",
     "value": "<image><image>\nWhich kettle is older?"}, {"from": "gpt", "value": "The dented one."}]}

Licence: Apache-2.0; each set keeps its own. Passed through byte for byte. The default is the hybrid set of the second
stage; the first trains on llava_image_ or sharegpt4v_1246k_, the third on llava_image_tune_ or sharegpt4v_tune_624k_ with
nlp_tune. A stage is its files one after the other, without weights. Quirks:
- The underscore that ends a file's name is real.
- `image` is a path or a list of them; a list of one becomes that one. `<image>`s of several stand side by side at the
  start of a turn, and stay so; elsewhere one may end it. Its trainer takes 16 images at most, chosen at random: all stay.
- A `video` may be in a list, too, but only one fits a record: more are bad.
- Its trainer overwrites ids by running numbers. An id that is there is kept; without one, ours names image and content.
- The pairs of la_tune_256k show the same images again and again. Text-only records have no media key; a literal
  `<image>` in them is text.
- Paths start with the folder of the unpacked zip. llava_image_tune_2.zip is in two parts, to be joined first.
"""

from typing import Literal

import msgspec
from pydantic import Field

from mixer.conversation import Conversation, Labelled, Labels, Turn, content_id, media
from mixer.readers import json_array
from mixer.sources import File, Options, Source

Part = Literal[
    "la_tune_256k",
    "lrv_tune_331k",
    "lvis_tune_220k_",
    "svit_tune_157k",
    "nlp_tune",
    "llava_image_",
    "llava_image_tune_",
    "sharegpt4v_1246k_",
    "sharegpt4v_tune_624k_",
]
TASKS = {
    "la_tune_256k": "chat",
    "lrv_tune_331k": "chat",
    "lvis_tune_220k_": "chat",
    "svit_tune_157k": "chat",
    "nlp_tune": "chat",
    "llava_image_": "caption",
    "llava_image_tune_": "mix",
    "sharegpt4v_1246k_": "caption",
    "sharegpt4v_tune_624k_": "mix",
}
"""Part, named like its file -> its task."""


class Raw(msgspec.Struct):
    """A record of any file; `part` is the file's."""

    conversations: list[Turn]
    id: str | int | None = None
    image: str | list[str] | None = None
    video: str | list[str] | None = None
    part: str = ""


class MoeOptions(Options):
    """Which files to read."""

    parts: tuple[Part, ...] = Field(
        default=("la_tune_256k", "lrv_tune_331k", "lvis_tune_220k_", "svit_tune_157k", "nlp_tune"),
        min_length=1,
        description="Published files of train_json/, without .json; the default is the hybrid set of the second stage.",
    )


def _file(part: str) -> File:
    return File(f"train_json/{part}.json", json_array, Raw, when={"parts": part}, give={"part": part})


SOURCE = Source(
    title="MoE-LLaVA data",
    homepage="https://huggingface.co/datasets/LanguageBind/MoE-LLaVA",
    licence="Apache-2.0; each set keeps its own licence",
    terms=("Apache-2.0", "various"),
    modality="image+text",
    task="mix",
    language="en",
    files=tuple(map(_file, TASKS)),
    options=MoeOptions,
    media=("llava_image", "llava_image_tune", "lrv_tune", "lvis_tune", "mimicit_tune/LA", "svit_tune"),
)


def convert(raw: Raw, _options: MoeOptions) -> Labelled:
    """Pass a record through, labelled with its part."""
    video = _single(raw.video)
    if isinstance(video, list):
        raise msgspec.ValidationError("several videos")
    record = Conversation(id="", image=_single(raw.image), video=video, conversations=raw.conversations)
    record.id = content_id(next(iter(media(record)), "text"), record) if raw.id is None else f"{raw.id}"
    language = "mul" if raw.part == "nlp_tune" else None
    return Labelled(record, Labels(subset=raw.part, task=TASKS[raw.part], language=language))


def _single(paths: str | list[str] | None) -> str | list[str] | None:
    """Write a list of one as that one, and none as no medium."""
    return paths if isinstance(paths, str) or (paths and len(paths) > 1) else next(iter(paths or ()), None)

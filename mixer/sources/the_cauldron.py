r"""The Cauldron: 50 training sets as user and assistant turns about images, made for Idefics2.

Page: https://huggingface.co/datasets/HuggingFaceM4/the_cauldron
Raw: {"images": [{"bytes": b"...", "path": null}], "texts": [{"user": "Question: How many kites fly?\nChoices:\nA. 1.\n
     B. 2.\nAnswer with the letter.", "assistant": "Answer: B", "source": "TQA"}]}

Licence: each part keeps its own. Made as by nanoVLM: all turns of a row are one record, all images stand before the
first turn, and an image token inside a text is taken out. Texts are otherwise kept byte for byte, and so are images,
named by their content. Quirks:
- Rows have no ids: the part and the content make them. Their part is their folder's name, and their subset here.
- nlvr2, spot_the_diff and mimic_cgd hold pairs of images, raven one image or two.
- A row may have an empty or null list of images, which several tools report of clevr_math and okvqa: it is text then.
- `source` says which set a turn came from; it is the record's task where all its turns agree. In mimic_cgd it is
  `MIMIC-IT - SN`, a slip; in chart2text it tells `chart2text-statista` from `chart2text-pew`.
- Answers end with a period, also where a word was asked for. websight's are whole HTML files.
- textcaps and textvqa hold the same images, and many parts hold COCO's.
"""

from collections.abc import Mapping
from typing import Literal, get_args

import msgspec
from pydantic import Field

from mixer.conversation import IMAGE, Labelled, Labels, Skip, content_id, dialogue
from mixer.readers import parquet_rows
from mixer.shared.cells import ImageCell
from mixer.sources import File, Options, Source

Config = Literal[
    "ai2d", "aokvqa", "chart2text", "chartqa", "clevr", "clevr_math", "cocoqa", "datikz", "diagram_image_to_text",
    "docvqa", "dvqa", "figureqa", "finqa", "geomverse", "hateful_memes", "hitab", "iam", "iconqa", "infographic_vqa",
    "intergps", "localized_narratives", "mapqa", "mimic_cgd", "multihiertt", "nlvr2", "ocrvqa", "okvqa", "plotqa",
    "raven", "rendered_text", "robut_sqa", "robut_wikisql", "robut_wtq", "scienceqa", "screen2words", "spot_the_diff",
    "st_vqa", "tabmwp", "tallyqa", "tat_qa", "textcaps", "textvqa", "tqa", "vistext", "visual7w", "visualmrc", "vqarad",
    "vqav2", "vsr", "websight",
]  # fmt: skip
CONFIGS: tuple[Config, ...] = get_args(Config)
RECORDS: Mapping[str, int] = {
    "diagram_image_to_text": 300, "finqa": 5_276, "geomverse": 9_303, "hitab": 2_500, "tat_qa": 2_199, "vqarad": 313,
}  # fmt: skip
"""Rows of the parts whose number is published to the last one."""


class Text(msgspec.Struct):
    """A question and its answer."""

    user: str
    assistant: str
    source: str | None = None


class Raw(msgspec.Struct):
    """A row; `config` is its folder."""

    texts: list[Text] | None
    images: list[ImageCell] | None = None
    config: str = ""


class CauldronOptions(Options):
    """Which parts to read."""

    configs: tuple[Config, ...] = Field(default=CONFIGS, min_length=1, description="Parts, by their folders' names.")


SOURCE = Source(
    title="The Cauldron",
    homepage="https://huggingface.co/datasets/HuggingFaceM4/the_cauldron",
    licence="of each part its own",
    terms=("various",),
    modality="image",
    task="instruction",
    language="en",
    files=tuple(
        File(
            f"{config}/train-*.parquet",
            parquet_rows,
            Raw,
            records=RECORDS.get(config),
            when={"configs": config},
            give={"config": config},
        )
        for config in CONFIGS
    ),
    options=CauldronOptions,
    media=("the_cauldron",),
)


def convert(raw: Raw, _options: CauldronOptions) -> Labelled | Skip:
    """Make a dialogue of a row's turns."""
    if not raw.texts:
        return Skip("no texts")
    files = [(cell.name("the_cauldron"), cell.content) for cell in raw.images or ()]
    rounds = [(text.user.replace(IMAGE, ""), text.assistant.replace(IMAGE, "")) for text in raw.texts]
    record = dialogue(id="", rounds=rounds, image=[path for path, _ in files])
    record.id = content_id(raw.config, record)
    sources = {text.source for text in raw.texts}
    labels = Labels(subset=raw.config, split="train", task=sources.pop() if len(sources) == 1 else None)
    return Labelled(record, labels, embedded=dict(files))

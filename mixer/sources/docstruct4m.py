r"""DocStruct4M: pages, tables and charts as text, and texts in them located, for mPLUG-DocOwl 1.5.

Page: https://huggingface.co/datasets/mPLUG/DocStruct4M
Raw: {"image": ["./imgs/Larder/pages/jar_7.png"], "messages": [{"role": "user", "content": "<|image|>Detect the text in the
     bounding box <bbox>26,315,902,360</bbox>"}, {"role": "assistant", "content": "<ocr> plum jam </ocr>"}],
     "task_name": "bbox2t_sft", "dataset_name": "Larder"}

Licence: Apache-2.0; the sets that the images are from keep their own. Made as the public converters do. Quirks:
- `<doc>`, `<md>`, `<ocr>` and `<bbox>` stay as they are: they are what the model learns to write. Boxes are whole numbers
  of 0 to 999 of the image's width and height. `marks=plain` writes texts bare and boxes as one public converter does,
  `marks=fractions` boxes as LLaVA's data do, but of the image itself and not of the square around it.
- Typing errors of the requests ("postion") are in the data, and stay.
- Some lines have more keys than others, such as `rvl_cdip_class`; some have several rounds, which stay one record.
- A line of several images is skipped. There is no id: ours names image and content. Paths lose their `./`.
- Some images are missing or damaged: `missing=skip` leaves out records whose image's header cannot be read.
- `val` is for testing; its images are in `val_imgs`. DocDownstream has some of the images, too.
"""

from typing import Literal

from pydantic import Field

from mixer.conversation import Labelled, Skip
from mixer.readers import json_lines
from mixer.shared import docowl
from mixer.shared.docowl import MarkedOptions, Raw
from mixer.sources import File, Pictures, Source


class DocStructOptions(MarkedOptions):
    """Which files to read."""

    parts: tuple[Literal["struct_aware_parse", "multi_grained_text_localization", "val"], ...] = Field(
        default=("struct_aware_parse", "multi_grained_text_localization"),
        min_length=1,
        description="Published files, without .jsonl: whole pages as text, texts and their boxes; val is for testing.",
    )


def _file(name: str, split: str) -> File:
    give = {"folder": "docstruct4m", "split": split}
    return File(f"{name}.jsonl", json_lines, Raw, when={"parts": name}, give=give)


SOURCE = Source(
    title="DocStruct4M",
    homepage="https://huggingface.co/datasets/mPLUG/DocStruct4M",
    licence="Apache-2.0; the sets of the images keep their own",
    terms=("Apache-2.0", "various"),
    modality="image",
    task="ocr",
    language="en",
    files=(
        _file("struct_aware_parse", "train"),
        _file("multi_grained_text_localization", "train"),
        _file("val", "val"),
    ),
    options=DocStructOptions,
    pictures=Pictures(match="path", field="picture", when={"missing": "skip"}),
    media=("docstruct4m/imgs", "docstruct4m/val_imgs"),
)


def convert(raw: Raw, options: DocStructOptions) -> Labelled | Skip:
    """Rename the parts of a record."""
    made = docowl.conversation(raw, options)
    return made if isinstance(made, Skip) else Labelled(made, raw.labels)

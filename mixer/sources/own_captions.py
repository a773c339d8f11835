r"""Your own captions of images, videos or sounds, in any container.

Page: https://huggingface.co/docs/datasets/image_dataset

Raw: file_name,caption
     title<TAB>filepath
     {"image": "kitchen/7.jpg", "captions": ["Two eggs.", "A pan."]}
     {"images": ["kitchen/7.jpg"], "text": "<__dj__image> Two eggs. <|__dj__eoc|>"}

A caption is asked for with one of LLaVA's wordings, picked by a hash of the record, and loses the blanks around it. The
image's column may be called `image_path`, `filepath`, `file_name`, `path` or `url`, too, the caption's `text`, `title`
or `txt`. Of a list of captions one is picked by hash, or each makes a record. Data-Juicer's marks are taken off; its
texts of several captions are bad records. Tables without a header row, such as Conceptual Captions':

    cc3m:
      use: own_captions
      path: train.tsv
      columns: {caption: "1", image: "2"}
      options: {header: none}
"""

from dataclasses import replace
from typing import Literal

from pydantic import Field

from mixer.shared import own_rows, own_tables
from mixer.sources.own_messages import SOURCE as MESSAGES

Column = Literal["id", "image", "video", "audio", "subset", "split", "task", "language", "caption"]


class OwnCaptionOptions(own_tables.CaptionOptions):
    """How the user's captions differ from this."""

    columns: dict[Column, str] = Field(default_factory=dict, description=own_rows.COLUMNS)


SOURCE = replace(
    MESSAGES,
    title="Captions (your own, any container)",
    homepage="https://huggingface.co/docs/datasets/image_dataset",
    task="caption",
    files=own_rows.files("metadata.csv"),
    options=OwnCaptionOptions,
    convert=own_tables.captions,
)

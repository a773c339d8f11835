r"""SA1B-Dense-Caption: long Chinese descriptions of SA-1B's images by Tongyi.

Page: https://modelscope.cn/datasets/Tongyi-DataEngine/SA1B-Dense-Caption
Raw: {"url": "https://.../sa_7.jpg?x=1", "cap_seg": "{'global_caption': '一只风筝。', ...}"}
Raw (paired): {"opensource_url": "https://.../sa_7.jpg", "global_caption": "一只风筝。"}

Licence: not stated; SA-1B's images have Meta's research licence. The image's caption answers one of ms-swift's four
requests, picked by a hash of the image's name. Quirks:
- `cap_seg` is a Python literal in a text, or a value already; a row whose literal lacks the caption is skipped. The
  captions of details beside it are not used.
- Images are not in the tables. They are named by the last part of their URL, in sa1b/images.
- The sibling SA1B-Paired-Captions-Images has one caption an image and goes into a folder of its name. How its files are
  called is not documented. CSV forms are told of, and read.
"""

from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec
from pydantic import Field

from mixer.conversation import Conversation, Skip, qa
from mixer.prompts import pick
from mixer.readers import csv_rows, parquet_rows
from mixer.shared.python_literals import parse
from mixer.sources import File, Options, Source

DESCRIBE = ("图片中展示了什么", "讲述一下图片中内容", "告诉我里面有什么", "图片内容是啥")


class Dense(msgspec.Struct):
    """A row of the set itself."""

    url: str
    cap_seg: str | dict[str, Any]
    caption: str | None = None

    def __post_init__(self) -> None:
        """Take the caption of the whole image out of its literal."""
        held = parse(self.cap_seg) if isinstance(self.cap_seg, str) else self.cap_seg
        if not isinstance(held, dict):
            raise ValueError("`cap_seg` holds no dict")  # noqa: TRY004 - the record is bad
        self.caption = msgspec.convert(held.get("global_caption"), str | None)


class Paired(msgspec.Struct):
    """A row of the sibling."""

    url: str = msgspec.field(name="opensource_url")
    caption: str | None = msgspec.field(name="global_caption", default=None)


class Sa1bOptions(Options):
    """Which captions, and which form of their table."""

    captions: Literal["dense", "paired"] = Field(
        default="dense", description="SA1B-Dense-Caption, or SA1B-Paired-Captions-Images."
    )
    table: Literal["parquet", "csv"] = Field(default="parquet", description="The form of the files.")


SOURCE = Source(
    title="SA1B-Dense-Caption",
    homepage="https://modelscope.cn/datasets/Tongyi-DataEngine/SA1B-Dense-Caption",
    licence="not stated; the images have SA-1B's research licence",
    terms=("research-only", "unknown"),
    modality="image",
    task="caption",
    language="zh",
    files=tuple(
        File(f"{path}.{table}", reader, raw, when={"captions": captions, "table": table})
        for captions, path, raw in (
            ("dense", "data/train-*", Dense),
            ("paired", "SA1B-Paired-Captions-Images/data/*", Paired),
        )
        for table, reader in (("parquet", parquet_rows), ("csv", csv_rows.of()))
    ),
    options=Sa1bOptions,
    media=("sa1b/images",),
    records=8_631_528,
)


def convert(raw: Dense | Paired, _options: Sa1bOptions) -> Conversation | Skip:
    """Ask for the caption of an image."""
    if not raw.caption or raw.caption.isspace():
        return Skip("no global caption")
    name = urlsplit(raw.url).path.rpartition("/")[2]
    if not name:
        raise msgspec.ValidationError("the URL names no file")
    id = name.rpartition(".")[0] or name
    question = pick(DESCRIBE, "sa1b_dense_caption", id, "prompt")
    return qa(id=id, image=f"sa1b/images/{name}", question=question, answer=raw.caption)

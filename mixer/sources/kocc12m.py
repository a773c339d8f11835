r"""KoCC12M: CC12M's web images with their captions, translated to Korean by a machine.

Page: https://huggingface.co/datasets/QuoQA-NLP/KoCC12M
Raw: {"url": "http://example.com/a/jug.jpg", "english_caption": "a jug on a shelf", "korean_caption": "선반 위의 주전자"}

Licence: not stated on the page. Made like LLaVA-Pretrain: a request for a short caption, picked by a hash of the url,
and the caption. Captions in English are asked for in LLaVA's words, those in Korean in our own translation of them.
Quirks:
- The rows hold no image and no id. An image is named by the sha256 of its url's UTF-8, of which the first two digits
  are a folder too: `kocc12m/images/3f/3fa9...c1.jpg`, or .jpeg, .png or .webp. That is the id, too.
- Most links of CC12M die over the years: a row whose image is not there is skipped, unless `images=all`.
- The column of urls is `image_url` in the sister set KoCC3M, whose files may lie in the place of these.
- `<PERSON>` stands for names in captions: it is text. Captions are kept but for blanks at their ends.
"""

from hashlib import sha256
from typing import Literal

import msgspec
from pydantic import Field

from mixer.conversation import Labelled, Labels, Skip, qa
from mixer.prompts import BRIEF, pick
from mixer.readers import parquet_rows
from mixer.sources import File, Options, Picture, Pictures, Source

BRIEF_KO = (
    "이미지를 간결하게 설명해 주세요.",
    "주어진 이미지를 짧게 설명해 주세요.",
    "이미지에 대한 짧은 설명을 써 주세요.",
    "사진을 분명하고 간결하게 요약해 주세요.",
    "다음 이미지를 짧고 명확하게 설명해 주세요.",
    "이미지가 무엇을 보여 주는지 간단히 말해 주세요.",
    "이것은 무엇인가요?",
    "사진의 주요 특징을 간단히 설명해 주세요.",
    "이미지의 시각적 내용을 요약해 주세요.",
    "사진 속에 무엇이 있나요?",
    "사진을 짧지만 충실하게 요약해 주세요.",
)
"""LLaVA's requests for a one-line caption; the translation is ours."""
_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")


class Raw(msgspec.Struct):
    """A row of a table; its url is in one of two columns."""

    english_caption: str | None
    korean_caption: str | None
    url: str | None = None
    image_url: str | None = None
    names: list[str] = []
    picture: Picture | None = None

    def __post_init__(self) -> None:
        """Name the files that the image may be in."""
        url = self.url or self.image_url
        if not url:
            raise ValueError("neither `url` nor `image_url`")
        name = sha256(url.encode()).hexdigest()
        self.names = [f"kocc12m/images/{name[:2]}/{name}{suffix}" for suffix in _SUFFIXES]


class KoccOptions(Options):
    """Which captions, and which images."""

    caption: Literal["korean", "english"] = Field(
        default="korean", description="The Korean caption or the English one; the request is in the same language."
    )
    images: Literal["present", "all"] = Field(
        default="present",
        description="Rows whose image is below the media root, or all, as if each was there as .jpg.",
    )


SOURCE = Source(
    title="KoCC12M",
    homepage="https://huggingface.co/datasets/QuoQA-NLP/KoCC12M",
    licence="not stated",
    terms=("unknown",),
    modality="image",
    task="caption",
    language="ko",
    files=(File("data/train-*.parquet", parquet_rows, Raw),),
    options=KoccOptions,
    pictures=Pictures(match="names", field="picture", when={"images": "present"}),
    media=("kocc12m/images",),
)


def convert(raw: Raw, options: KoccOptions) -> Labelled | Skip:
    """Ask for the caption of an image."""
    if options.images == "present" and raw.picture is None:
        return Skip("image file is missing")
    is_korean = options.caption == "korean"
    caption = ((raw.korean_caption if is_korean else raw.english_caption) or "").strip()
    if not caption:
        return Skip("no caption")
    path = raw.picture.path if raw.picture else raw.names[0]
    name = path.rpartition("/")[2].partition(".")[0]
    request = pick(BRIEF_KO if is_korean else BRIEF, "kocc12m", name, "prompt")
    made = qa(id=name, question=request, answer=caption, image=path)
    return Labelled(made, Labels(split="train", language="ko" if is_korean else "en"))

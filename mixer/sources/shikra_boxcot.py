r"""Shikra's BoxCoT and RD: GPT-4's questions about Flickr30k photos, answered by reasoning with boxes.

Page: https://github.com/shikras/shikra/blob/main/docs/data.md
Raw: {"img_path": "700413.jpg", "boxes": [[12, 40, 180, 333], [200, 35, 390, 333]], "question": "What does
     <ph_st>the girl<ph_ed> hold?", "question_boxes_seq": [[0]], "cot_with_ans": "<ph_st>The girl<ph_ed> looks at
     <ph_st>a jar<ph_ed>. So the answer is a jar.", "answer_boxes_seq": [[0], [1]], "answer": "a jar"}

Licence: CC-BY-NC-4.0 (the code's; the annotations state none); the photos have Flickr's terms. Made as Shikra does: each
`<ph_ed>` becomes the boxes of its entry in the list, on the padded square, and the question stands in one of its
requests, picked by hash. Of its requests those are used that read whole with `<image>` taken out to the front. Quirks:
- BoxCoT marks both ends of a phrase, RD only its end; both are read the same. RD's questions are marked, too.
- Boxes are in pixels, and sizes are the image's: the photos must be there, unless a record has `width` and `height`.
- Where marks and boxes differ in number the record is skipped; `question_boxes_seq` may be null for none.
- Blanks that come twice are one; where no boxes are written, none stays before a comma or a period.
- Braces and `[xmin,ymin,xmax,ymax]` in texts are text.
"""

from typing import Literal

import msgspec
from pydantic import Field

from mixer.boxes import Box
from mixer.conversation import Labelled, Labels, Skip, content_id, qa
from mixer.prompts import pick
from mixer.readers import json_lines
from mixer.shared.shikra import Style, fits, marked, on_square, unmarked
from mixer.sources import File, Options, Picture, Pictures, Source

Part = Literal["box_cot", "rd", "box_cot_test"]
TRAINING: tuple[Part, ...] = ("box_cot", "rd")
QUESTION = "<question>"

WITH_BOXES = (
    "<question> Please include your reasoning process and identify the bounding boxes of any objects in the image with square brackets after the objects.",
    "<question> Make sure to offer a clear explanation and indicate object locations with [xmin,ymin,xmax,ymax].",
    "<question> you can indicate object locations with [xmin,ymin,xmax,ymax] format. Let's think step by step.",
    "Please explain your reasoning and provide bounding boxes, denoted by square brackets, for the objects mentioned in the picture. <question>",
    "Upon observing the image, please address the following question: <question> During your explanation, verify that you mention object locations using [x1,y1,x2,y2].",
)
REASONING = (
    "<question> Let's think step by step.",
    "<question> Please include the reasoning process.",
    "<question> Can you give me an answer based on the image, along with the reasoning process?",
    "After examining the image, I'd like to know the answer to this question: <question> Please provide an explanation of your answer.",
    "Please have a look at the image and tell me the answer to my question: <question> Don't forget to provide the reasoning.",
)
SHORT = (
    "Looking at the image, can you quickly answer my question: <question>",
    "For this image, I want a simple and direct answer to my question: <question>",
    "Considering the image, please provide a straightforward answer to my question: <question>",
    "With regard to the image, can you briefly respond to this question: <question>",
    "<question> Please give a clear reply based on the information in the image.",
)
REQUESTS = {"box_cot": WITH_BOXES, "cot": REASONING, "short": SHORT}


class Raw(msgspec.Struct):
    """A question, its answer, and the boxes that both name by number."""

    img_path: str
    boxes: list[Box]
    question: str
    cot_with_ans: str
    answer_boxes_seq: list[list[int]]
    answer: str
    question_boxes_seq: list[list[int]] | None = None
    width: int = 0
    height: int = 0
    part: str = ""
    photo: str = ""
    picture: Picture | None = None

    def __post_init__(self) -> None:
        """Tell where the photo lies."""
        self.photo = f"flickr30k-images/{self.img_path.rpartition('/')[2]}"


class ShikraOptions(Options):
    """Which files to read, and what their answers are."""

    parts: tuple[Part, ...] = Field(
        default=TRAINING, min_length=1, description="BoxCoT, RD, and the part of BoxCoT that is for tests."
    )
    form: Literal["box_cot", "cot", "short"] = Field(
        default="box_cot", description="Answers that reason with boxes, that reason without, or of a word or two."
    )
    boxes: Style = Field(
        default="shikra", description="[0.172,0.610,0.832,1.000], several joined by semicolons; or LLaVA-1.5's boxes."
    )
    marks: Literal["boxes", "none"] = Field(
        default="boxes",
        description="Boxes at the marks of question and answer, or nothing there; then no photo is read.",
    )
    request: Literal["shikra", "none"] = Field(default="shikra", description="Shikra's requests, or the bare question.")


def _file(path: str, part: Part) -> File:
    return File(path, json_lines, Raw, when={"parts": part}, give={"part": part})


SOURCE = Source(
    title="Shikra BoxCoT and RD",
    homepage="https://github.com/shikras/shikra/blob/main/docs/data.md",
    licence="CC-BY-NC-4.0 (repository)",
    terms=("CC-BY-NC-4.0",),
    modality="image",
    task="grounding",
    language="en",
    files=(
        _file("GPT4GEN_BoxCoT_train.jsonl", "box_cot"),
        _file("GPT4GEN_RD_BoxCoT_train.jsonl", "rd"),
        _file("GPT4GEN_BoxCoT_test.jsonl", "box_cot_test"),
    ),
    options=ShikraOptions,
    pictures=Pictures(match="photo", field="picture", when={"marks": "boxes"}),
    media=("flickr30k-images",),
)


def convert(raw: Raw, options: ShikraOptions) -> Labelled | Skip:
    """Ask a question in the chosen form."""
    asked, answered = raw.question, raw.answer if options.form == "short" else raw.cot_with_ans
    if options.marks == "none":
        asked, answered = unmarked(asked), unmarked(answered)
    else:
        size = (raw.width, raw.height) if raw.width and raw.height else raw.picture and raw.picture.size
        if size is None:
            return Skip("image file is missing")
        boxes = on_square(raw.boxes, size)
        places = [(asked, raw.question_boxes_seq or [])]
        if options.form == "box_cot":
            places.append((answered, raw.answer_boxes_seq))
        if not all(fits(*place) for place in places):
            return Skip("marks and boxes differ in number")
        asked, *rest = [marked(*place, boxes, options.boxes) for place in places]
        answered = rest[0] if rest else unmarked(answered)
    if options.request == "shikra":
        form = "cot" if options.marks == "none" and options.form == "box_cot" else options.form
        wording = pick(REQUESTS[form], "shikra_boxcot", raw.img_path, raw.question, "request")
        asked = wording.replace(QUESTION, asked)
    record = qa(id="", question=asked, answer=answered, image=raw.photo)
    record.id = content_id(raw.photo.rpartition("/")[2].removesuffix(".jpg"), record)
    split = "test" if raw.part.endswith("_test") else "train"
    return Labelled(record, Labels(subset=raw.part.removesuffix("_test"), split=split))

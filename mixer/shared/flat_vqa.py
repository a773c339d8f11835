"""Copies of question sets about COCO's photos as one flat file: a record is a question with all its answers.

LAVIS and Qwen-VL: {"question_id": 21000, "question": "Is the kite new?", "answer": ["yes", ...ten] or "yes",
"image": "train2014/COCO_train2014_000000000021.jpg"}. LXMERT: {"question_id": 21000, "sent": "Is the kite new?",
"label": {"yes": 1, "no": 0.3}, "img_id": "COCO_train2014_000000000021", "answer_type": "yes/no"}.
"""

from __future__ import annotations

import msgspec

from mixer.shared import coco_images


class Flat(msgspec.Struct):
    """A question with its answers."""

    question_id: int
    question: str
    answer: list[str] | str
    image: str
    image_id: int = 0

    def __post_init__(self) -> None:
        """Tell the image by its file's name."""
        self.image_id = coco_images.number(self.image)

    @property
    def answers(self) -> list[str]:
        """All answers, or the one that there is."""
        return [self.answer] if isinstance(self.answer, str) else self.answer


class Soft(msgspec.Struct):
    """A question whose answers have weights."""

    question_id: int
    question: str = msgspec.field(name="sent")
    label: dict[str, float]
    image: str = msgspec.field(name="img_id")
    image_id: int = 0

    def __post_init__(self) -> None:
        """Tell the image by its file's name."""
        self.image_id = coco_images.number(self.image)

    @property
    def answers(self) -> list[str]:
        """The answer of the greatest weight, of equals the first."""
        return [max(self.label, key=self.label.__getitem__)] if self.label else []

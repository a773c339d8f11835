r"""HALVA: correct answers about Visual Genome's images, and the same ones with some phrases made wrong.

Page: https://github.com/pritamqu/HALVA
Raw: {"id": "vg_21", "image": "vg/VG_100K/21.jpg", "tag": "open", "question": "<image>\nDescribe the image.",
     "correct_answer": "A tin jug on a shelf.", "hallucinated_answer": "A tin jug on a table.", "correct_answer_masked":
     "A tin jug on a <MASK> shelf </MASK>.", "hallucinated_answer_masked": "A tin jug on a <MASK> table </MASK>."}

Licence: not stated. The answers without marks are used; where a record lacks them, the others. Marks are taken out wherever
they stand, with the blanks inside them. Quirks:
- The placeholder may stand anywhere in the question: it comes first.
- `tag` is the subset: `closed`, `open`, or `qa`, questions to be answered by yes or no, here `qa_yes` and `qa_no` after
  `raw_answer`. The authors train on all of the first two and on as many of yes as of no: two sources with
  `where: subset = 'qa_yes'` and a `count` each.
- data/ref_data.json is no pairs but records of LLaVA-1.5's mix, and is not offered. Nor is LRV-Instruction, to which
  lists of datasets link by mistake: its answers have no counterparts, and its evaluation set has none.
"""

import re

import msgspec

from mixer.conversation import Labelled, Labels, Skip
from mixer.readers import json_array
from mixer.shared.pairs import PairOptions, pair, unplaced
from mixer.sources import File, Source

_MARK = re.compile(r"<MASK> ?| ?</MASK>")


class Raw(msgspec.Struct):
    """A question with both answers."""

    id: str | int
    image: str
    tag: str
    question: str
    correct_answer: str | None = None
    hallucinated_answer: str | None = None
    correct_answer_masked: str | None = None
    hallucinated_answer_masked: str | None = None
    raw_answer: str | None = None

    def __post_init__(self) -> None:
        """Refuse a record without answers."""
        for name in ("correct_answer", "hallucinated_answer"):
            if getattr(self, name) is None and getattr(self, f"{name}_masked") is None:
                raise ValueError(f"neither `{name}` nor `{name}_masked`")


SOURCE = Source(
    title="HALVA",
    homepage="https://github.com/pritamqu/HALVA",
    licence="not stated",
    terms=("unknown",),
    modality="image",
    task="preference",
    language="en",
    files=(File("data/data.json", json_array, Raw),),
    options=PairOptions,
    media=("vg/VG_100K", "vg/VG_100K_2"),
)


def convert(raw: Raw, options: PairOptions) -> Labelled | Skip:
    """Make a record of a pair."""
    made = pair(
        options,
        id=f"{raw.id}",
        prompt=unplaced(raw.question),
        chosen=_plain(raw.correct_answer, raw.correct_answer_masked),
        rejected=_plain(raw.hallucinated_answer, raw.hallucinated_answer_masked),
        image=raw.image,
    )
    if isinstance(made, Skip):
        return made
    said = (raw.raw_answer or "").strip().lower()
    return Labelled(made, Labels(subset=f"{raw.tag}_{said}" if raw.tag == "qa" and said else raw.tag))


def _plain(answer: str | None, masked: str | None) -> str:
    """Give an answer without marks."""
    return _MARK.sub("", (masked or "") if answer is None else answer)

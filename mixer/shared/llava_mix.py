"""The blocks of LLaVA-1.5's mix and of the mixes made from it: which block a record is of, told by its content.

The published files are concatenated blocks. Folders and the fixed wordings tell them apart, except VQAv2 from OK-VQA:
those two share the subset `vqav2_okvqa` unless the file has exactly its published length (BLOCKS).
"""

from __future__ import annotations

from functools import cache

from mixer.conversation import IMAGE, Labelled, Labels
from mixer.prompts import BOX_OF_PHRASE, OPTION_LETTER, PHRASE_OF_BOX, SHORT_ANSWER
from mixer.shared.shapes import LlavaRecord, llava
from mixer.sources import Blocks

MEDIA = ("coco/train2017", "gqa/images", "ocr_vqa/images", "textvqa/train_images", "vg/VG_100K", "vg/VG_100K_2")

BLOCKS = Blocks(records=665_298, within="vqav2_okvqa", names={"vqav2": (157_712, 240_495), "okvqa": (240_495, 249_493)})

_FOLDERS = {
    "vg": "vg",
    "gqa": "gqa",
    "ocr_vqa": "ocrvqa",
    "textvqa": "textcaps",
    "sam": "sharegpt4v_sam",
    "llava": "sharegpt4v_lcs",
    "wikiart": "sharegpt4v_wikiart",
    "share_textvqa": "sharegpt4v_textvqa",
    "web-celebrity": "sharegpt4v_celebrity",
    "web-landmark": "sharegpt4v_landmark",
}
_TASKS = {"llava_instruct": "chat", "svit_core": "chat", "sharegpt": "chat", "refcoco": "grounding", "vg": "grounding"}
_TASKS |= {"vqav2_okvqa": "vqa", "gqa": "vqa", "ocrvqa": "vqa", "aokvqa": "choice", "textcaps": "caption"}
_REGIONS = (BOX_OF_PHRASE.partition("{}")[0], PHRASE_OF_BOX.partition("{}")[0])


def mixed(raw: LlavaRecord, _options: object = None) -> Labelled:
    """Pass a record of a mix through, labelled with its block."""
    return labelled(raw, subset_of(raw))


def labelled(raw: LlavaRecord, subset: str | None) -> Labelled:
    """Pass a record through, labelled with a given block."""
    return Labelled(llava(raw), _labels(subset))


def subset_of(raw: LlavaRecord) -> str | None:
    """Tell a record's block; None for a folder that no published mix has."""
    if raw.image is None:
        return "sharegpt"
    folder = raw.image.partition("/")[0]
    if folder == "coco":
        return _coco(raw.conversations[0].value if raw.conversations else "")
    if folder == "vg" and str(raw.id).startswith("svit_"):
        return "svit_core"
    return _FOLDERS.get(folder)


def _coco(question: str) -> str:
    if question.endswith(SHORT_ANSWER):
        return "vqav2_okvqa"
    if question.endswith(OPTION_LETTER):
        return "aokvqa"
    return "refcoco" if question.removeprefix(f"{IMAGE}\n").startswith(_REGIONS) else "llava_instruct"


@cache
def _labels(subset: str | None) -> Labels:
    if subset is None:
        return Labels()
    task = "caption" if subset.startswith("sharegpt4v_") else _TASKS[subset]
    return Labels(subset=subset, task=task, language="mul" if subset == "sharegpt" else None)

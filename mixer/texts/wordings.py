"""The wordings that ask for the form of an answer and tell nothing of what a record is about.

Each is written once, where a converter uses it; here they are only gathered, by how they stand in a question.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

from mixer import prompts
from mixer.shared import audio_captions, captions, minigpt_v2, own_tables, vcr
from mixer.sources import (
    as_v2,
    audiocaps,
    audioset,
    clevr,
    clotho,
    grit,
    image_chat,
    kocc12m,
    minigpt4,
    minigpt4_v2_multitask,
    shikra_boxcot,
    svit,
    textcaps,
    textocr_gpt4v,
    vggss,
    vip_llava_instruct,
)

PUBLISHED = ("Answer with the letter.", "Provide a short description for this region.")
"""Instructions of published files that none of our converters writes: The Cauldron's behind options, and LLaVA's."""

REQUESTS = frozenset(
    wording.strip()
    for wording in (
        *prompts.BRIEF,
        *prompts.DETAIL,
        *prompts.CAPTION,
        *prompts.GROUNDED,
        prompts.ONE_SENTENCE,
        prompts.MAIN_SOUND,
        *chain.from_iterable(captions.REQUESTS.values()),
        *chain.from_iterable(audio_captions.REQUESTS.values()),
        *(wording.format(medium) for wording in own_tables.OTHERS.values() for medium in ("image", "video", "audio")),
        audiocaps.LTU,
        audioset.TAGS,
        audioset.PATHS,
        *audioset.CLASSIFY,
        clotho.KEYWORDS,
        clotho.LTU,
        grit.CAPTION,
        *kocc12m.BRIEF_KO,
        *minigpt4.ALIGNMENT,
        *minigpt4_v2_multitask.GROUNDING,
        textcaps.SWIFT,
        *textocr_gpt4v.DESCRIBE,
        *textocr_gpt4v.READ,
        vggss.LOCATE,
    )
)
"""Whole turns. Some, such as "What is this?", are questions too, but they tell nothing where they stand alone."""


INSTRUCTIONS = tuple(
    sorted(
        {
            wording.strip()
            for wording in (
                prompts.SHORT_ANSWER,
                prompts.SHORT_ANSWER_KO,
                prompts.OPTION_LETTER,
                prompts.ONE_SENTENCE,
                as_v2.SCENE_GRAPH,
                *clevr.CAULDRON,
                clevr.STEP_BY_STEP,
                clevr.WITH_POINTS,
                *svit.LOCATE,
                *PUBLISHED,
            )
        }
    )
)
"""At the start or at the end of a turn."""

TEMPLATES = (
    prompts.BOX_OF_PHRASE,
    prompts.PHRASE_OF_BOX,
    *prompts.REFER,
    *prompts.IDENTIFY,
    *minigpt_v2.VQA,
    minigpt4_v2_multitask.DETECTION,
    *(wording.replace(shikra_boxcot.QUESTION, "{}") for wording in chain(*shikra_boxcot.REQUESTS.values())),
    *(f"{wording}{{}}" for wording in vcr.ASK),
    image_chat.COMMENT,
    image_chat.REPLY,
    vip_llava_instruct.PHRASE,
    vip_llava_instruct.RELATION,
)
"""Whole turns around what a record is about."""

LINES = (textcaps.OCR_LINE.partition("{}")[0].rstrip(),)
"""Lines that begin so hold what a machine read in the image."""


class Frame(NamedTuple):
    """What a wording leaves a part of a turn between."""

    start: str
    end: str
    apart: bool
    """Only where a blank or a line end sets it off."""


def _frames() -> Iterator[Frame]:
    for instruction in INSTRUCTIONS:
        yield Frame(instruction, "", apart=True)
        yield Frame("", instruction, apart=True)
    for template in TEMPLATES:
        yield Frame(template[: template.index("{}")], template[template.rindex("{}") + 2 :], apart=False)


FRAMES = tuple(sorted(set(_frames()), key=lambda frame: (-len(frame.start) - len(frame.end), frame)))
"""The longest first: short ones are parts of others."""

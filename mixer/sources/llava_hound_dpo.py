r"""LLaVA-Hound-DPO: two answers of a model to a question about a video, judged by ChatGPT by GPT-4V's captions.

Page: https://huggingface.co/datasets/ShareGPTVideo/train_video_and_instruction
Raw: {"id": "vk7_0", "video": "vk7", "prompt": "<video>\nWhat does the potter do?", "answer": "She trims a bowl.",
     "chosen": "She trims the foot of a bowl.", "rejected": "She paints a wall.", "chosen_score": 5, "rejected_score": 2}

Licence: Apache-2.0. Made as LLaVA-Hound's trainer does: `<video>` and `<image>` and the blanks around what is left go
from the prompt, and `<video>` and a line break come before it. `kind=instruct` is the better answer alone. Quirks:
- A video is a folder of frames (JPEGs, 2 a second), as they come out of train_300k/chunk_*.tar.gz: all of them go into
  one folder, `shareVideoGPTV` below the media root. By that name LLaVA-NeXT's trainer knows folders of frames.
- There are many pairs about a video: data held out have to be so by video.
- `answer` is the reference that the judge knew. It is not used.
- Prompts and answers may be objects with the text in `value`; without a prompt, the question of `conversations` is it.
- Pairs of equal scores are skipped, and those whose rejected answer has the higher one. The score of the chosen one is
  the record's rating; scores may be absent.
"""

import msgspec

from mixer.conversation import HUMAN, VIDEO, Labelled, Labels, Skip, Turn, content_id, dialogue
from mixer.readers import json_lines
from mixer.shared.pairs import PairOptions, unplaced, unusable, with_pair
from mixer.sources import File, Source

FOLDER = "shareVideoGPTV"


class Said(msgspec.Struct):
    """A text in an object."""

    value: str


class Raw(msgspec.Struct):
    """A line of sft_dpo_17k.jsonl."""

    video: str
    chosen: str | Said
    rejected: str | Said
    id: str | int | None = None
    prompt: str | Said | None = None
    conversations: list[Turn] | None = None
    chosen_score: float | str | None = None
    rejected_score: float | str | None = None

    def __post_init__(self) -> None:
        """Take the question of a dialogue for the prompt."""
        if self.prompt is None:
            asked = [turn.value for turn in self.conversations or () if turn.from_ == HUMAN]
            if len(asked) != 1:
                raise ValueError("neither `prompt` nor one question in `conversations`")
            self.prompt = asked[0]


SOURCE = Source(
    title="LLaVA-Hound-DPO",
    homepage="https://huggingface.co/datasets/ShareGPTVideo/train_video_and_instruction",
    licence="Apache-2.0",
    terms=("Apache-2.0",),
    modality="video",
    task="preference",
    language="en",
    files=(File("video_instruction/train/dpo/sft_dpo_17k.jsonl", json_lines, Raw),),
    options=PairOptions,
    media=(FOLDER,),
)


def convert(raw: Raw, options: PairOptions) -> Labelled | Skip:
    """Pair the answers about a video."""
    chosen, rejected = _text(raw.chosen), _text(raw.rejected)
    prompt = unplaced(unplaced(_text(raw.prompt), VIDEO)).strip()
    loss = _tie(raw) or unusable(chosen, rejected) or (None if prompt else Skip("no question"))
    if loss:
        return loss
    video = raw.video.strip("/")
    better = dialogue(id=f"{raw.id}", rounds=[(prompt, chosen)], video=f"{FOLDER}/{video}")
    if raw.id is None:
        better.id = content_id(video, better)
    made = with_pair(options, better, rejected=rejected)
    return Labelled(made, Labels(rating=raw.chosen_score if isinstance(raw.chosen_score, float) else None))


def _tie(raw: Raw) -> Skip | None:
    """Say why the scores do not prefer the chosen answer, if they do not."""
    chosen, rejected = raw.chosen_score, raw.rejected_score
    if isinstance(chosen, str) or isinstance(rejected, str):
        return Skip("a score that is not a number")
    if chosen is None or rejected is None or chosen > rejected:
        return None
    return Skip("a tie" if chosen == rejected else "the rejected answer has the higher score")


def _text(said: str | Said | None) -> str:
    return said.value if isinstance(said, Said) else said or ""

r"""LLaVA-NeXT (also Interleave, OneVision, LLaVA-Video): a JSON array, and the YAML that its trainer takes as data.

    {"id": "7", "image": ["a.jpg", "b.jpg"], "conversations": [{"from": "human", "value": "<image>\n<image>\nSame?"}, ...]}
    {"id": "8", "video": "c.mp4", "conversations": [{"from": "human", "value": "<image>\nWho sings?"}, ...]}
    {"id": "9", "image": "d.jpg", "prompt": "<image>\nWhat?", "answer": "A cat.", "chosen": "A cat.", "rejected": "A dog."}

A video's placeholder is `<image>`, once for the whole clip. It is put in the first turn, as the trainer's option
`add_time_instruction` does, which would else leave two. Text-only records may hold a literal `<image>`: the trainer
looks for the keys `image` and `video`. In a video's record it would count as another clip.

What the trainer does to our records: the only `<image>` of a turn is moved to its start, several keep their places;
`QA_GT_caption_based_noisy` is deleted from texts about media; in a pair's prompt every `<image>` is removed and one put
in front, even if the record has no medium, so that pairs of text cannot be said. Of `answer` only the length is used.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from mixer.conversation import IMAGE, VIDEO, Conversation
from mixer.progress import Advance
from mixer.resolved import Kind
from mixer.writers import Job, Written, reshaping

if TYPE_CHECKING:
    import polars as pl

TARGET = "llava_next"


def inexpressible(kind: Kind) -> pl.Expr:
    """Say why the trainer cannot use a record, or null."""
    import polars as pl

    images, videos = pl.col("images"), pl.col("videos") > 0
    reasons = {
        "audio": pl.col("audios") > 0,
        "image and video": (images > 0) & videos,
        "system message": reshaping.has_system(kind),
    }
    if kind == "preference":
        reasons |= {"no image or video": (images == 0) & ~videos, "several images": images > 1}
        reasons |= {"several rounds": pl.col("turns") > 1}
    return reshaping.first_reason(reasons | {"literal token": pl.col("literal_tokens") & videos})


def write(job: Job, batches: Iterable[list[memoryview]], advance: Advance) -> list[Written]:
    """Write the arrays, and the YAML that names them by their paths below the mix's folder."""
    reshape = _pair if job.kind == "preference" else _instruct
    written = reshaping.write(TARGET, reshaping.ARRAY, job, batches, advance, reshape)
    entries = [f"  - json_path: {json.dumps(file.path)}\n    sampling_strategy: all\n" for file in written]
    yaml = "datasets:\n" + "".join(entries)
    return [*written, reshaping.describe(TARGET, job, f"{job.name}.yaml", yaml.encode())]


def _instruct(record: Conversation) -> Conversation | None:
    if record.video is None:
        return None
    reshaping.show_video_first(record.conversations)
    for turn in record.conversations:
        turn.value = turn.value.replace(VIDEO, IMAGE)
    return record


def _pair(record: Conversation) -> dict[str, Any]:
    assert record.chosen is not None
    assert record.rejected is not None
    (question,) = record.conversations
    prompt = question.value if record.video is None else question.value.replace(VIDEO, IMAGE)
    return {
        "id": record.id,
        **({"image": record.image} if record.video is None else {"video": record.video}),
        "prompt": prompt,
        "answer": record.chosen.value,
        "chosen": record.chosen.value,
        "rejected": record.rejected.value,
    }


def handoff(name: str, kind: Kind) -> str:
    """Say how to start the trainer."""
    pairs = kind == "preference"
    script = "train_dpo.py" if pairs else "train_mem.py"
    lines = ' "jsonl" must stand nowhere in them, or the script reads lines.' if pairs else ""
    return f"""\
# The paths in the file of data are below the mix's folder.{lines}
sed 's#json_path: "#json_path: "MIX/#' MIX/{TARGET}/{name}.yaml > {name}.yaml
torchrun llava/train/{script} --data_path {name}.yaml --image_folder MEDIA --video_folder MEDIA
"""

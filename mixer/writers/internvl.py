r"""InternVL: JSON Lines, and the meta file that names them.

    {"id": "7", "image": ["a.jpg", "b.jpg"], "conversations": [{"from": "human", "value": "<image>\n<image>\nSame?"}, ...]}
    {"id": "8", "video": "c.mp4", "conversations": [{"from": "human", "value": "<video>\nWho sings?"}, ...]}
    {"id": "9", "image": "d.jpg", "question": "<image>\nWhat?", "chosen": "A cat.", "rejected": "A dog."}

The meta file has an entry for each shard: {"mix": {"root": "media/", "annotation": "internvl/mix.jsonl", ...}}.

What the trainer would do to our records, and what is written so that it does not:
- It puts `<image>` before the first turn of a record whose `image` is a path and whose first turn has none, and then the
  image stands there, and the placeholder of the later turn is text. A list of one path is left as it is, so that is written.
- It looks for a video's placeholder in the first turn and with a line break behind it, so there it is put.
- It replaces a record that it cannot read by another one, drawn at random. So whatever some template of it refuses is
  inexpressible here: system messages are known to `internvl2_5` only, and pairs about videos to none. In a video's record
  a literal `<image>` might be taken for a frame; in a text-only record it stays text.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from mixer.conversation import IMAGE, VIDEO, Conversation
from mixer.progress import Advance
from mixer.resolved import Kind
from mixer.writers import Job, Written, reshaping

if TYPE_CHECKING:
    import polars as pl

TARGET = "internvl"


def inexpressible(kind: Kind) -> pl.Expr:
    """Say why the trainer cannot use a record, or null."""
    import polars as pl

    videos = pl.col("videos") > 0
    reasons = {"audio": pl.col("audios") > 0, "image and video": (pl.col("images") > 0) & videos}
    if kind == "preference":
        reasons |= {"video": videos}
    reasons |= {"system message": reshaping.has_system(kind)}
    if kind == "preference":
        reasons |= {"several rounds": pl.col("turns") > 1}
    return reshaping.first_reason(reasons | {"literal token": pl.col("literal_tokens") & videos})


def write(job: Job, batches: Iterable[list[memoryview]], advance: Advance) -> list[Written]:
    """Write the lines, and the meta file with paths below the mix's folder."""
    reshape = _pair if job.kind == "preference" else _instruct
    written = reshaping.write(TARGET, reshaping.LINES, job, batches, advance, reshape)
    meta = {
        PurePosixPath(file.path).stem: {
            "root": "media/",
            "annotation": file.path,
            "data_augment": False,
            "repeat_time": 1,
            "length": file.records,
        }
        for file in written
    }
    return [*written, reshaping.describe(TARGET, job, f"{job.name}.json", reshaping.pretty(meta))]


def _instruct(record: Conversation) -> Conversation | None:
    first = record.conversations[0]
    if record.video is not None:
        reshaping.show_video_first(record.conversations)
        if f"{VIDEO}\n" not in first.value:
            first.value = first.value.replace(VIDEO, f"{VIDEO}\n")
        return record
    if isinstance(record.image, str) and IMAGE not in first.value:
        record.image = [record.image]
        return record
    return None


def _pair(record: Conversation) -> dict[str, Any]:
    assert record.chosen is not None
    assert record.rejected is not None
    (question,) = record.conversations
    return {
        "id": record.id,
        **({} if record.image is None else {"image": record.image}),
        "question": question.value,
        "chosen": record.chosen.value,
        "rejected": record.rejected.value,
    }


def handoff(name: str, kind: Kind) -> str:
    """Say how to start the trainer."""
    pairs = kind == "preference"
    script = "internvl_chat_dpo.py" if pairs else "internvl_chat_finetune.py"
    lengths = " --group_by_length False" if pairs else ""  # it looks for `conversations`, which pairs have not
    return f"""\
# The paths in the meta file are below the mix's folder.
sed 's#"annotation": "#"annotation": "MIX/#; s#"root": "media/"#"root": "MEDIA/"#' MIX/{TARGET}/{name}.json > {name}.json
torchrun internvl/train/{script} --meta_path {name}.json{lengths}
"""

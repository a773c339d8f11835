r"""Your own Parquet files, with media in their cells or beside them.

Page: https://huggingface.co/docs/datasets/image_dataset

Raw: {"image": {"bytes": b"...", "path": "7.jpg"}, "question": "What boils?", "answer": "Two eggs."}
     {"images": [b"...", b"..."], "messages": [{"role": "user", "content": "<image><image>Which is older?"}, ...]}

A cell of a medium is a map of `bytes` and `path`, of which either may be null, bytes, a path, a `data:` URL, or a list
of these. Bytes are written once, by content, below `own` of the media root; a path beside them only said their kind.
What a row is, captions, dialogues or questions, its columns tell, as `own_auto` has it. `path` may hold a `*`.
"""

from dataclasses import replace

from mixer.readers import parquet_rows
from mixer.sources import File
from mixer.sources.own_auto import SOURCE as AUTO

SOURCE = replace(
    AUTO,
    title="Parquet with media (your own)",
    homepage="https://huggingface.co/docs/datasets/image_dataset",
    files=(File("train.parquet", parquet_rows, dict),),
)

r"""SVIT-core-150K: the selected subset of SVIT in LLaVA's format.

Page: https://huggingface.co/datasets/BAAI/SVIT
Raw: {"id": "svit_referring_2207", "image": "vg/VG_100K_2/713.jpg", "conversations": [{"from": "human", "value":
     "<image>\nWhat hangs on the hook? Locate the objects with their coordinates."}, {"from": "gpt", "value":
     "A ladle [0.12, 0.305, 0.2, 0.71] hangs on the hook [0.13, 0.28, 0.17, 0.33]."}]}

Licence: CC-BY-4.0, gated. The hub holds the file in `format/llava-v1.5/`. Passed through byte for byte: `<image>` always
starts the first turn, boxes are fractions of the square-padded image, `<st>` and `<ed>` are gone. The four kinds are
shuffled together; an id's second word is the record's `subset`.
"""

from mixer.conversation import Labelled, Labels
from mixer.readers import json_array
from mixer.shared.shapes import LlavaRecord, llava
from mixer.sources import File, Options, Source
from mixer.sources.svit import TASKS

SOURCE = Source(
    title="SVIT-core-150K",
    homepage="https://huggingface.co/datasets/BAAI/SVIT",
    licence="CC-BY-4.0 (gated)",
    terms=("CC-BY-4.0",),
    modality="image",
    task="chat",
    language="en",
    files=(File("SVIT_core_150K.json", json_array, LlavaRecord, records=157_712),),
    media=("vg/VG_100K", "vg/VG_100K_2"),
    records=157_712,
)


def convert(raw: LlavaRecord, _options: Options) -> Labelled:
    """Pass a record through, labelled with its kind."""
    record = llava(raw)
    kind = next((kind for kind in TASKS if record.id.startswith(f"svit_{kind}_")), None)
    return Labelled(record, Labels(subset=kind, task=TASKS.get(kind or "")))

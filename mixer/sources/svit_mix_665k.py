r"""SVIT-mix-665K: LLaVA-1.5's mix with SVIT-core-150K in the place of LLaVA-Instruct.

Page: https://huggingface.co/datasets/BAAI/SVIT
Raw: {"id": "svit_complex_417", "image": "vg/VG_100K/2301177.jpg", "conversations": [{"from": "human", "value":
     "<image>\nWhy might the kettle be off the stove?"}, {"from": "gpt", "value": "Its handle is being mended."}]}

Licence: CC-BY-4.0, gated. The hub holds the file in `format/llava-v1.5/`. Its first 157,712 records are SVIT-core's
(subset `svit_core`), the rest is llava_v1_5_mix665k's, record by record, with all its quirks.
"""

from dataclasses import replace

from mixer.readers import json_array
from mixer.shared.shapes import LlavaRecord
from mixer.sources import File
from mixer.sources.llava_v1_5_mix665k import SOURCE as LLAVA_MIX

SOURCE = replace(
    LLAVA_MIX,
    title="SVIT-mix-665K",
    homepage="https://huggingface.co/datasets/BAAI/SVIT",
    licence="CC-BY-4.0 (gated)",
    terms=("CC-BY-4.0",),
    files=(File("SVIT_mix_665K.json", json_array, LlavaRecord, records=665_298),),
)

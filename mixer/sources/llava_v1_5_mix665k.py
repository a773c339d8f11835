r"""LLaVA-1.5's instruction mix: COCO, VG, GQA, OCR-VQA, TextCaps and text chat.

Page: https://huggingface.co/datasets/liuhaotian/LLaVA-Instruct-150K
Raw: {"id": 2301177, "image": "gqa/images/2301177.jpg", "conversations": [{"from": "human", "value":
     "<image>\nIs the kettle red?\nAnswer the question using a single word or phrase."}, {"from": "gpt", "value": "No"}]}

Licence: CC-BY-4.0 plus OpenAI terms; each image source keeps its own. Passed through byte for byte; what is odd in it:
- ids are text or integers (GQA) and repeat: COCO's across blocks, A-OKVQA's for the copies with turned choices.
- Text chat has no `image` key but `"model": ""`, left by FastChat's splitter; a literal `<image>` in it is text.
- `<image>` starts the first turn or ends it (LLaVA-Instruct); the format prompt follows only the first question.
- The file is concatenated blocks, each a `subset`. VQAv2 and OK-VQA share one unless the file has its published length.
- TextCaps without OCR tokens end in `Reference OCR token: ` with its blank; `What is this photo about'?` is published.
"""

from mixer.readers import json_array
from mixer.shared.llava_mix import BLOCKS, MEDIA, mixed
from mixer.shared.shapes import LlavaRecord
from mixer.sources import File, Source

SOURCE = Source(
    title="LLaVA-1.5 instruction mix (mix665k)",
    homepage="https://huggingface.co/datasets/liuhaotian/LLaVA-Instruct-150K",
    licence="CC-BY-4.0 plus OpenAI terms; each image source keeps its own licence",
    terms=("CC-BY-4.0", "OpenAI", "various"),
    modality="image+text",
    task="mix",
    language="en",
    files=(File("llava_v1_5_mix665k.json", json_array, LlavaRecord, records=665_298),),
    blocks=BLOCKS,
    media=MEDIA,
    records=665_298,
    convert=mixed,
)

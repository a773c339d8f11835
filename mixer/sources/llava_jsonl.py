r"""Your own records in LLaVA's format, one a line; all else is as in llava_json.

Raw: {"id": 7, "image": "kitchen/0007.jpg", "conversations": [{"from": "human", "value": "<image>\nWhat is boiling?"},
     {"from": "gpt", "value": "Two eggs."}]}
"""

from dataclasses import replace

from mixer.readers import json_lines
from mixer.shared import own_data
from mixer.sources import File
from mixer.sources.llava_json import SOURCE as LLAVA_JSON

SOURCE = replace(
    LLAVA_JSON,
    title="LLaVA records (JSON Lines)",
    files=(File("records.jsonl", json_lines, own_data.raw_type),),
)

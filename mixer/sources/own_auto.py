r"""Your own records of any shape that mixer knows, in any container; each record's columns tell its shape.

Page: https://github.com/hiyouga/LLaMA-Factory/blob/main/data/README.md

Raw: {"conversations": [{"from": "human", "value": "What is boiling?"}, {"from": "gpt", "value": "Two eggs."}]}
     {"instruction": "Name the dish.", "output": "Fried eggs."}

| a record with the columns | is read as by |
| messages, or a bare list | own_messages |
| conversations or conversation | own_sharegpt |
| instruction, output | own_alpaca |
| question, answer or answers | own_qa |
| query, response, or other names that ms-swift knows | own_query_response |
| caption, captions, text, title or txt, and a medium | own_captions |

The first line that fits counts. The shape is the record's subset, and a conversion tells which it found. A record that
fits none is bad, and its reason lists its columns. `columns` names those that are called otherwise.
"""

from dataclasses import replace

from mixer.shared import own_rows, own_shapes
from mixer.sources.own_messages import SOURCE as MESSAGES

SOURCE = replace(
    MESSAGES,
    title="Records of any known shape (your own, any container)",
    homepage="https://github.com/hiyouga/LLaMA-Factory/blob/main/data/README.md",
    files=own_rows.files("records.json"),
    options=own_shapes.AutoOptions,
    tells_subsets=True,
    convert=own_shapes.convert,
)

r"""Your own records in LLaVA's format, a JSON array.

Page: https://github.com/haotian-liu/LLaVA/blob/main/docs/Finetune_Custom_Data.md

Raw: {"id": 7, "image": "kitchen/0007.jpg", "conversations": [{"from": "human", "value": "<image>\nWhat is boiling?"},
     {"from": "gpt", "value": "Two eggs."}]}

Only `conversations` must be there. `id` may be text or a number; without one, the first medium and the content name the
record. `image` may be one path, a list, or null or an empty list for text; `video` and `audio` work alike. A first
`system` turn stays. Other keys are ignored. Columns with other names, and absolute paths:

    my_data:
      use: llava_json
      path: my_data.json
      columns: {image: img, conversations: dialog, from: role, value: text}
      media: {strip: /mnt/images}

`subset`, `split`, `task` and `language` are read where `columns` names them. A record that lacks a column that `columns`
names is bad; a medium may be absent from a record whose text has no placeholder for it.
"""

from mixer.readers import json_array
from mixer.shared import own_data
from mixer.sources import File, Source

SOURCE = Source(
    title="LLaVA records (JSON)",
    homepage="https://github.com/haotian-liu/LLaVA/blob/main/docs/Finetune_Custom_Data.md",
    licence="yours",
    terms=(),
    modality="image+text",
    task="chat",
    language="en",
    files=(File("records.json", json_array, own_data.raw_type),),
    options=own_data.OwnOptions,
    own_path=True,
    convert=own_data.convert,
)

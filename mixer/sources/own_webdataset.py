r"""Your own WebDataset tars: members of one name, up to the first dot of its base name, are a record.

Page: https://github.com/webdataset/webdataset

Raw: kitchen-000.tar with 0007.jpg and 0007.txt, "Two eggs."
     kitchen-001.tar with 0008.png and 0008.json, {"conversations": [{"from": "human", "value": "<image>\nWhat boils?"},
     {"from": "gpt", "value": "Two eggs."}]}

What a member `json` says are the record's columns, and a text member `txt` is one more. The one image, video or sound
is its medium, whatever the JSON calls it; of two, `columns` has to say which (`{image: jpg}`). What the record is then,
captions, dialogues or questions, its columns tell, as `own_auto` has it. Its id is its JSON's, or its name. `path` may
hold a `*`, for shards, and shards may be packed: `.tar.gz`. Media are written once, by content, below `own` of the
media root. A member packed by itself, `txt.gz`, is unpacked; samples whose members are not adjacent are several.
"""

from dataclasses import replace

from mixer.readers import tar_samples
from mixer.sources import File
from mixer.sources.own_auto import SOURCE as AUTO

SOURCE = replace(
    AUTO,
    title="WebDataset tars (your own)",
    homepage="https://github.com/webdataset/webdataset",
    files=(File("kitchen-000.tar", tar_samples, dict),),
)

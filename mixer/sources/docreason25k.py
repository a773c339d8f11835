r"""DocReason25K: detailed answers to questions about pages, for mPLUG-DocOwl 1.5-Chat.

Page: https://huggingface.co/datasets/mPLUG/DocReason25K
Raw: {"image": ["./imgs/Larder/pages/jar_7.png"], "messages": [{"role": "user", "content": "<|image|>Who made it? Answer
     the question with detailed explanation."}, {"role": "assistant", "content": "The label says ..."}], "task_name":
     "reason_sft", "dataset_name": "Larder"}

Licence: Apache-2.0; the sets that the questions are from keep their own. Made as the public converter does: the request
for an explanation stays behind the question, as published. The training parts of DocVQA, InfographicsVQA,
WikiTableQuestions, VisualMRC, ChartQA and TextVQA. Quirks:
- A few answers begin with a line break: blanks at their start go.
- Some lines have several rounds; they stay one record. A line of several images is skipped.
- There is no id: ours names image and content. Paths lose their `./`.
- Some images are missing: `missing=skip` leaves their records out.
"""

from mixer.conversation import Labelled, Skip
from mixer.readers import json_lines
from mixer.shared import docowl
from mixer.shared.docowl import PageOptions
from mixer.sources import File, Pictures, Source


class Raw(docowl.Raw):
    """A line of detailed_explanation.jsonl."""

    def __post_init__(self) -> None:
        """Take the blanks from the start of the answers."""
        for message in self.messages:
            if message.role == "assistant":
                message.content = message.content.lstrip()


SOURCE = Source(
    title="DocReason25K",
    homepage="https://huggingface.co/datasets/mPLUG/DocReason25K",
    licence="Apache-2.0; the sets of the questions keep their own",
    terms=("Apache-2.0", "various"),
    modality="image",
    task="vqa",
    language="en",
    files=(File("detailed_explanation.jsonl", json_lines, Raw, give={"folder": "docreason25k", "split": "train"}),),
    options=PageOptions,
    pictures=Pictures(match="path", field="picture", when={"missing": "skip"}),
    media=("docreason25k/imgs",),
)


def convert(raw: Raw, options: PageOptions) -> Labelled | Skip:
    """Rename the parts of a record."""
    made = docowl.conversation(raw, options)
    return made if isinstance(made, Skip) else Labelled(made, raw.labels)

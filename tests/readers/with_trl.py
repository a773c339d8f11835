"""TRL: the handoff's own lines, then the trainer's collator for vision, whose tokens and pixels say what was read.

The processor is a small one without a model: each byte of a text is a token, so that tokens are read back as texts.
"""

import re

import PIL.Image
from datasets import Image, Sequence, load_dataset
from mixes import ANSWERS, ROLES, check, joined, media
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import CLIPImageProcessor, LlavaProcessor, PreTrainedTokenizerFast
from trl.trainer.dpo_trainer import DataCollatorForVisionPreference

IMAGE, PAD, SIDE, PATCH = "<image>", "<pad>", 28, 14
BEGIN, MIDDLE, END = "\x01", "\x02", "\x03"
TEMPLATE = (
    "{% for message in messages %}{{ '\x01' + message['role'] + '\x02' }}{% for part in message['content'] %}"
    "{{ '<image>' if part['type'] == 'image' else part['text'] }}{% endfor %}{{ '\x03' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '\x01assistant\x02' }}{% endif %}"
)


def processor():
    """Give a processor whose tokens are bytes, and which scales pictures but changes no colour."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    bytes_ = Tokenizer(models.BPE({letter: place for place, letter in enumerate(letters)}, []))
    bytes_.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    bytes_.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bytes_, pad_token=PAD, extra_special_tokens={"image_token": IMAGE}
    )
    sized = {"height": SIDE, "width": SIDE}
    seen = CLIPImageProcessor(size=sized, crop_size=sized, do_normalize=False, do_rescale=False)
    return LlavaProcessor(
        seen, tokenizer, patch_size=PATCH, vision_feature_select_strategy="default", chat_template=TEMPLATE,
        image_token=IMAGE, num_additional_image_tokens=1,
    )  # fmt: skip


def read(export, _kind):
    """Load as the handoff says, and collate pairs one by one."""
    root = export.parents[3] / "media"
    train = load_dataset(str(export / "trl"), split="train")
    train = train.map(lambda row: {"images": [f"{root}/{path}" for path in row["images"]]}, features=train.features)
    train = train.cast_column("images", Sequence(Image()))
    with_bytes = processor()
    collate = DataCollatorForVisionPreference(with_bytes)
    for row in train:
        name = row["id"]
        given = collate([row])
        shown = {tuple(int(part) for part in pixels[:, 0, 0]): None for pixels in given.get("pixel_values", [])}
        count = len(given.get("pixel_values", [])) // 2
        said = [
            _texts(with_bytes.tokenizer, *tokens)
            for tokens in zip(given["input_ids"], given["completion_mask"], given["attention_mask"], strict=True)
        ]
        yield {"id": name, "said": said, "pixels": count, "colours": list(shown)}


def _texts(tokenizer, tokens, completes, attends):
    """Give a prompt and its answer; an image's many tokens are one."""
    each = (SIDE // PATCH) ** 2
    texts = [tokenizer.decode(tokens[attends.bool() & (completes == side)]) for side in (0, 1)]
    return [re.sub(f"(?:{IMAGE}){{{each}}}", IMAGE, text) for text in texts]


def expected(record, _place, folder):
    """Give what the template makes of a record, once with each answer, and its pictures by their colours."""
    paths = media(record)["images"]
    roles = {ours: theirs for theirs, ours in ROLES.items()}
    texts = [
        (roles[turn["from"]], joined(turn["value"]) if paths else turn["value"]) for turn in record["conversations"]
    ]
    prompt = "".join(f"{BEGIN}{role}{MIDDLE}{text}{END}" for role, text in texts) + f"{BEGIN}assistant{MIDDLE}"
    said = [[prompt, f"{record[name]['value']}{END}"] for name in ANSWERS]
    seen = {}
    for path in paths:
        with PIL.Image.open(folder / "media" / path) as picture:
            seen[picture.convert("RGB").getpixel((0, 0))] = None
    return {"id": record["id"], "said": said, "pixels": len(paths), "colours": list(seen)}


if __name__ == "__main__":
    check("TRL", "trl", {"trl": read}, {"trl": expected})

"""Python's own JSON: files of trainers that are no packages, found by what the trainer is given; see handoff_text.md."""

import json

from mixes import check, lines

IMAGE, VIDEO = "<image>", "<video>"


def llava(export, kind):
    """LLaVA: a file is one array."""
    for path in sorted(export.glob(f"{kind}*.json")):
        yield from json.loads(path.read_text(encoding="utf-8"))


def llava_next(export, kind):
    """LLaVA-NeXT: the arrays that its file of data names."""
    for line in (export / "llava_next" / f"{kind}.yaml").read_text(encoding="utf-8").splitlines():
        if "json_path: " in line:
            yield from json.loads((export / json.loads(line.split(": ")[1])).read_text(encoding="utf-8"))


def internvl(export, kind):
    """InternVL: the lines that its meta file names, as many as it says."""
    meta = json.loads((export / "internvl" / f"{kind}.json").read_text(encoding="utf-8"))
    for entry in meta.values():
        records = lines(export / entry["annotation"])
        assert (entry["length"], entry["repeat_time"]) == (len(records), 1)
        yield from records


def qwen_vl(export, _kind):
    """Qwen-VL: all files of lines."""
    for path in sorted((export / "qwen_vl").glob("*.jsonl")):
        yield from lines(path)


def jsonl(export, _kind):
    """Lines that belong to no trainer."""
    for path in sorted(export.glob("*.jsonl")):
        yield from lines(path)


# --- what is written of a record -------------------------------------------------------------------------------------


def video_first(record):
    """Put a video's placeholder in the first turn, unless it is there."""
    first, *later = (turn["value"] for turn in record["conversations"])
    if "video" in record and VIDEO not in first:
        first = f"{VIDEO}\n{first}"
        later = [value.replace(f"{VIDEO}\n", "") for value in later]
    turns = zip(record["conversations"], [first, *later], strict=True)
    return {**record, "conversations": [{**turn, "value": value} for turn, value in turns]}


def for_next(record, _place, _folder):
    """LLaVA-NeXT: one `<image>` for a clip; of pairs, texts."""
    if "chosen" in record:
        answers = {name: record[name]["value"] for name in ("chosen", "rejected")}
        prompt = record["conversations"][0]["value"]
        prompt = prompt.replace(VIDEO, IMAGE) if "video" in record else prompt
        shown = {key: record[key] for key in ("image", "video") if key in record}
        return {"id": record["id"], **shown, "prompt": prompt, "answer": answers["chosen"], **answers}
    if "video" not in record:
        return record
    first = video_first(record)
    turns = [{**turn, "value": turn["value"].replace(VIDEO, IMAGE)} for turn in first["conversations"]]
    return {**first, "conversations": turns}


def for_internvl(record, _place, _folder):
    """InternVL: a list where the first turn does not show the image; of pairs, texts."""
    if "chosen" in record:
        answers = {name: record[name]["value"] for name in ("chosen", "rejected")}
        shown = {"image": record["image"]} if "image" in record else {}
        return {"id": record["id"], **shown, "question": record["conversations"][0]["value"], **answers}
    if isinstance(record.get("image"), str) and IMAGE not in record["conversations"][0]["value"]:
        return {**record, "image": [record["image"]]}
    return video_first(record)


if __name__ == "__main__":
    read = {"internvl": internvl, "jsonl": jsonl, "llava": llava, "llava_next": llava_next, "qwen_vl": qwen_vl}
    check("json of Python", None, read, {"llava_next": for_next, "internvl": for_internvl})

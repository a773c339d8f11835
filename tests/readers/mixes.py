"""What the mixes hold, what each target can say of it, and how what a reader makes of an export is compared with it.

Readers run this in environments of their own, so it needs nothing but Python.
"""

from __future__ import annotations

import importlib
import itertools
import json
import re
import sys
from importlib.metadata import version
from pathlib import Path
from unittest.mock import MagicMock

KINDS = ("instruct", "preference")
PICTURES = "pictures"
"""A mix of instructions about one picture or none, for readers that want every record to have the same types."""
TARGETS = (
    "energon", "hf", "internvl", "jsonl", "llama_factory", "llava", "llava_next", "ms_swift", "parquet", "qwen_vl",
    "streaming", "trl", "webdataset",
)  # fmt: skip
WAYS = {"whole": [], "shards": ["--shards", "3"]}
BUILT = "built"
"""Where what a mix was built for stands beside its exports."""
MEDIA = {"images": "image", "videos": "video", "audios": "audio"}
TOKENS = {"images": "<image>", "videos": "<video>", "audios": "<audio>"}
ANSWERS = ("chosen", "rejected")
ROLES = {"user": "human", "assistant": "gpt", "system": "system"}
SHOWN = 300
"""Characters of a record that a difference shows."""


# --- the mixes -------------------------------------------------------------------------------------------------------


def lines(path):
    """Read the objects of a file of lines; only a line feed ends one."""
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").split("\n") if line]


def mix(folder, kind):
    """Read the records of a mix as JSON."""
    return lines(folder / kind / f"{kind}.jsonl")


def media(record):
    """List a record's paths of each kind."""
    given = {name: record.get(key, []) for name, key in MEDIA.items()}
    return {name: [paths] if isinstance(paths, str) else paths for name, paths in given.items()}


def texts(record):
    """List all texts of a record."""
    return [turn["value"] for turn in (*record["conversations"], *(record[name] for name in ANSWERS if name in record))]


# --- what targets cannot say -----------------------------------------------------------------------------------------


def _has(name):
    return lambda record: bool(media(record)[name])


def _several_images(record):
    return len(media(record)["images"]) > 1


def _is_text(record):
    return not (_IMAGE(record) or _VIDEO(record))


def _has_system(record):
    return record["conversations"][0]["from"] == "system"


def _rounds(record):
    return len(record["conversations"]) > 1


def _literal(record):
    """Say whether a token stands in the text of a record that has no such medium."""
    return any(TOKENS[name] in text for name, paths in media(record).items() if not paths for text in texts(record))


def _both(one, other):
    return lambda record: one(record) and other(record)


_IMAGE, _VIDEO, _AUDIO = map(_has, MEDIA)
_ALL = {"preference pairs": lambda _: True}
_NEXT = {"audio": _AUDIO, "image and video": _both(_IMAGE, _VIDEO)}
_BESIDE_VIDEO = {"literal token": _both(_literal, _VIDEO)}
CANNOT = {
    "instruct": {
        "internvl": {**_NEXT, "system message": _has_system, **_BESIDE_VIDEO},
        "llama_factory": {"literal token": _literal},
        "llava": {"video": _VIDEO, "audio": _AUDIO, "several images": _several_images, "system message": _has_system},
        "llava_next": {**_NEXT, "system message": _has_system, **_BESIDE_VIDEO},
        "qwen_vl": {"audio": _AUDIO, "system message": _has_system, "literal token": _literal},
        "trl": {"no preference pair": lambda _: True},
    },
    "preference": {
        "internvl": {
            **_NEXT,
            "video": _VIDEO,
            "system message": _has_system,
            "several rounds": _rounds,
            **_BESIDE_VIDEO,
        },
        "llama_factory": {"literal token": _literal},
        "llava": _ALL,
        "llava_next": {
            **_NEXT,
            "system message": _has_system,
            "no image or video": _is_text,
            "several images": _several_images,
            "several rounds": _rounds,
            **_BESIDE_VIDEO,
        },
        "qwen_vl": _ALL,
        "trl": {"video": _VIDEO, "audio": _AUDIO, "literal token": _literal},
    },
}
CANNOT[PICTURES] = {}
"""Kind of mix -> target -> why it cannot say a record; the first reason that holds counts. Others say all."""


def reason(kind, target, record):
    """Say why a target cannot say a record, or None."""
    why = CANNOT[kind].get(target, {})
    return next((name for name, holds in why.items() if holds(record)), None)


# --- comparing -------------------------------------------------------------------------------------------------------


def check(reader, package, read, expected=None, kinds=None):
    """Compare what a reader makes of all exports of its targets, record by record; say so in one line, or end at once.

    `read` maps targets to functions of an export's folder and kind; they give records in the mix's form, or None for an
    export that cannot be read so. Where a reader keeps less of a record or tells more, `expected` maps the target to a
    function of the record, its place in the export and the folder of all mixes. `kinds` maps targets to the mixes whose
    exports are read; otherwise they are those of all shapes.
    """
    folder, count = Path(sys.argv[1]), 0
    called = f"{reader} {version(package) if package else sys.version.split()[0]}"
    every = ((target, kind) for target in read for kind in (kinds or {}).get(target, KINDS))
    for (target, kind), way in itertools.product(every, (*WAYS, BUILT)):
        export = folder / "exports" / kind / way / target
        if export.is_dir():
            said = [record for record in mix(folder, kind) if reason(kind, target, record) is None]
            keep = (expected or {}).get(target, _whole)
            wanted = (keep(record, place, folder) for place, record in enumerate(said))
            found = read[target](export, kind)
            count += 0 if found is None else compare(f"{called}: {target} of {kind}, {way}", wanted, found)
    print(f"{called}: {count:,} records equal: {', '.join(read)}")


def _whole(record, _place, _folder):
    return record


def compare(where, expected, got):
    """Count equal records; end with a message at the first that is not."""
    missing = {"id": "no such record"}
    count = 0
    for count, (one, other) in enumerate(itertools.zip_longest(expected, got, fillvalue=missing), 1):
        if one != other or _types(one) != _types(other):
            told = [_shown(key, one, other) for key in {**one, **other} if one.get(key) != other.get(key)] or ["types"]
            print(f"{where}: record {count}, id {one.get('id')!r}: {'; '.join(told)}")
            sys.exit(1)
    if not count:
        print(f"{where}: there is no record")
        sys.exit(1)
    return count


def _shown(key, one, other):
    given = [json.dumps(each.get(key, "nothing"), ensure_ascii=False, default=repr) for each in (one, other)]
    start = next((place for place, pair in enumerate(zip(*given, strict=False)) if len(set(pair)) > 1), 0)
    return f"{key}: expected and got {' | '.join(each[max(0, start - 40) :][:SHOWN] for each in given)}"


def _types(value):
    """Give the types of a record, since 1 == True == 1.0."""
    if isinstance(value, dict):
        return {key: _types(each) for key, each in value.items()}
    return [_types(each) for each in value] if isinstance(value, list) else type(value)


# --- records of the shapes that several targets share ----------------------------------------------------------------


def from_plural(row):
    """Give the mix's record of a row whose media are in plural lists, all of which must be there."""
    return {
        "id": row["id"],
        **singular({name: row[name] for name in MEDIA}),
        "conversations": [plain(turn) for turn in row["conversations"]],
        **{name: plain(row[name]) for name in ANSWERS if name in row},
    }


def from_messages(row):
    """Give the mix's record of a row of messages, whose last one is the better answer if there is another."""
    turns = [{"from": ROLES[turn["role"]], "value": turn["content"]} for turn in row["messages"]]
    answers = {}
    if "rejected_response" in row:
        answers = {"chosen": turns.pop(), "rejected": {"from": "gpt", "value": row["rejected_response"]}}
    found = {name: row.get(name) or [] for name in MEDIA}
    return {"id": row.get("id"), **singular(found), "conversations": turns, **answers}


def singular(lists):
    """Give media as conversations have them: a path, several, or no key."""
    return {MEDIA[name]: paths[0] if len(paths) == 1 else list(paths) for name, paths in lists.items() if paths}


def plain(turn):
    """Give a turn of no other keys than a conversation's."""
    return {"from": turn["from"], "value": turn["value"]}


def joined(text):
    """Drop the line break on either side of an image's placeholder, which belongs to it."""
    return re.sub("\n?<image>\n?", "<image>", text)


def without_id(record, _place, _folder):
    """Give what a reader keeps that drops ids."""
    return {**record, "id": None}


def stand_in(library, module):
    """Put nothing in the place of a module if its library cannot be loaded, which a reader imports but is not asked for.

    Libraries of pictures and sounds that are made for torch with CUDA cannot be loaded with another torch.
    """
    try:
        importlib.import_module(library)
    except (ImportError, OSError, RuntimeError):
        sys.modules[module] = MagicMock()

"""Make what readers are given: invented media and records, a mix of each kind, and its exports; check what was dropped.

    python tests/readers/make.py FOLDER

FOLDER/media/                             pictures, sounds and clips
FOLDER/own.jsonl, long.jsonl, pairs.jsonl
FOLDER/instruct/, preference/, pictures/  the mixes, as JSON Lines and what only a build can write
FOLDER/exports/<mix>/<way>/<target>/      as `mixer export` makes them, in one file and in shards, with croissant.json
"""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import wave
from collections import Counter
from pathlib import Path

from mixes import BUILT, KINDS, PICTURES, TARGETS, WAYS, media, mix, reason
from PIL import Image

TIMES = 4
"""How often each shape is there, each time with media and texts of its own."""
LONG, LETTERS = 60, 200_000
"""Texts without media that come first, 12 MB: more than readers look at when they guess types."""
STRANGE = 'Ei 달걀 \u00e9e\u0301 \u202e\u05d0 \U0001f95a \u2028 \x85 \r\n\t "quoted" \\n {"a": [1]} $x$ <b> null'


# --- media and records -----------------------------------------------------------------------------------------------


def paths(number):
    """Name the media of a record: their kinds and places differ, and the letters are not all plain."""
    return {
        "image": [f"küche/{number}.jpg", f"b/{number}.PNG", f"b/c d/{number}.jpeg"],
        "video": f"clips/{number}.mp4",
        "audio": [f"sounds/{number}.wav", f"sounds/{number}.b.wav"],
    }


def draw(folder, number):
    """Write a record's media: each picture has a colour of its own; a clip is no clip that could be played."""
    named = paths(number)
    for place, path in enumerate([*named["image"], *named["audio"], named["video"]]):
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        if path in named["image"]:
            Image.new("RGB", (32 + place, 28), (40 * place, 5 * number, 200)).save(file)
        elif path in named["audio"]:
            with wave.open(str(file), "wb") as sound:
                sound.setparams((1, 2, 8000, 0, "NONE", "not compressed"))
                sound.writeframes(bytes([number, place]) * 80)
        else:
            file.write_bytes(b"\0\0\0\x18ftypisom\0\0\2\0isomiso2" + bytes([number]) * 64)


def shapes(number):
    """Give a record of every shape: its values, which human and assistant say in turn, and its media."""
    given = paths(number)
    (first, second, third), video, (sound, other) = given["image"], given["video"], given["audio"]
    return {
        f"image-{number}": (["<image>\nWhat boils?", "Two eggs.", "How long?", f"{number} minutes."], {"image": first}),
        f"image-last-{number}": (["What boils?\n<image>", "Two eggs."], {"image": [second]}),
        f"image-later-{number}": (["Tea?", "Please.", "<image>\nThis?", "No."], {"image": first}),
        f"several-{number}": (["Is <image> or <image>\nolder?", "The first.", "And <image>?", "No."], {"image": [first, second, third]}),
        f"same-{number}": (["<image>\n<image>\nThe same?", "Yes."], {"image": [first, first]}),
        f"video-{number}": (["<video>\nWho sings?", "Nobody."], {"video": video}),
        f"video-later-{number}": (["Tea?", "Please.", "<video>\nWho sings?", "Nobody."], {"video": video}),
        f"audio-{number}": (["<audio>\nWho sings?", "Nobody."], {"audio": sound}),
        f"audios-{number}": (["<audio>\n<audio>\nSame?", "No."], {"audio": [sound, other]}),
        f"film-{number}": (["<video>\n<image>\nThe same?", "No."], {"video": video, "image": first}),
        f"all-{number}": (["<image>\n<video>\n<audio>\nTell.", "Nothing."], {"image": third, "video": video, "audio": other}),
        f"00{number}": (["Tea?", "Please.", "Milk?", "No."], {}),
        f"2019-05-1{number}": ([STRANGE, f"{STRANGE} {number}"], {}),
        f"null-{number}": (["null", "[]", "NaN", "0"], {}),
        f"system-{number}": (["Tea?", "Please."], {"system": f"Be kind. {STRANGE}"}),
        f"system-image-{number}": (["<image>\nTea?", "Please."], {"system": "Be brief.", "image": second}),
        f"literal-{number}": (["What is <image> in HTML?", "No <audio> at all."], {}),
        f"literal-image-{number}": (["<image>\nWhat is <video>?", "A tag."], {"image": first}),
        f"literal-video-{number}": (["<video>\nWhat is <image>?", "A tag."], {"video": video}),
    }  # fmt: skip


def record(name, values, more):
    """Give a record in LLaVA's format."""
    turns = [
        {"from": role, "value": value} for role, value in zip(itertools.cycle(("human", "gpt")), values, strict=False)
    ]
    said = [{"from": "system", "value": more["system"]}] if "system" in more else []
    kept = {key: value for key, value in more.items() if key != "system"}
    return {"id": name, **kept, "conversations": [*said, *turns]}


def pair(name, values, more):
    """Give a pair: the last answer of a record, and another one."""
    asked = record(name, values, more)
    last = asked["conversations"].pop()
    return {**asked, "chosen": last, "rejected": {"from": "gpt", "value": f"{last['value']} Or\nnot: {name}."}}


def long_text(number):
    """Give a record of one text that is long."""
    word = f"{number:03} egg "
    return record(f"long-{number:03}", ["Go on.", word * (LETTERS // len(word))], {})


def write_data(folder):
    """Write media and records."""
    given = [shape for number in range(TIMES) for shape in shapes(number).items()]
    for number in range(TIMES):
        draw(folder / "media", number)
    texts = {
        "own": [record(name, *shape) for name, shape in given],
        "long": map(long_text, range(LONG)),
        "pairs": [pair(name, *shape) for name, shape in given],
    }
    for name, records in texts.items():
        said = "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in records)
        (folder / f"{name}.jsonl").write_text(said, encoding="utf-8")


# --- mixes and exports -----------------------------------------------------------------------------------------------


def mixer(*arguments):
    """Run the command line; give its exit status and what it says."""
    command = [sys.executable, "-m", "mixer.cli", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def done(result):
    """End at once where a command that must go well did not."""
    code, said = result
    if code:
        sys.exit(f"exit {code}: {said}")


def build(folder, name, sources, output, kind="instruct"):
    """Build a mix; give its records."""
    recipe = {
        "mixer": 1, "name": name, "kind": kind, "seed": 17, "order": "blocks", "sources": sources, "output": output,
        "croissant": True,
    }  # fmt: skip
    path = folder / f"{name}.yaml"
    path.write_text(json.dumps(recipe), encoding="utf-8")
    done(mixer("build", path, "--data", folder, "--out", folder / name, "--cache", folder / "store", "--quiet"))
    return mix(folder, name)


def build_all(folder, kind):
    """Build the mix of a kind, of all shapes; records are there once and a half, so that some are twice."""
    sources = {
        "instruct": {
            "long": {"use": "llava_jsonl", "path": "long.jsonl"},
            "own": {"use": "llava_jsonl", "path": "own.jsonl", "epochs": 1.5},
        },
        "preference": {"own": {"use": "own_pairs", "path": "pairs.jsonl", "epochs": 1.5}},
    }
    found = build(folder, kind, sources[kind], [{"for": "jsonl"}, {"for": "streaming", "compression": "zstd"}], kind)
    beside(folder, kind, "jsonl")
    beside(folder, kind, "streaming")
    at_all = {name: sum(bool(media(each)[name]) for each in found) for name in ("images", "videos", "audios")}
    assert all(at_all.values()), at_all
    assert max(Counter(each["id"] for each in found).values()) == 2
    return found


def build_pictures(folder):
    """Build a mix of what LLaVA reads."""
    where = "images <= 1 AND videos = 0 AND audios = 0 AND (turns = 2 OR turns = 4)"
    source = {"use": "llava_jsonl", "path": "own.jsonl", "where": where}
    found = build(folder, PICTURES, {"own": source}, [{"for": "jsonl"}, {"for": "llava", "shards": 2}])
    beside(folder, PICTURES, "jsonl")
    beside(folder, PICTURES, "llava")
    return found


def beside(folder, name, target):
    """Put what a mix was built for where its exports are looked for."""
    place = folder / "exports" / name / BUILT / target
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(folder / name)


def export(folder, kind, target, found):
    """Export a mix, whole and in shards; give what is wrong with what is left out, or tell what is."""
    lost = Counter(why for each in found if (why := reason(kind, target, each)))
    kept = len(found) - lost.total()
    told = f"{lost.total():,} records cannot be written for {target}: " + ", ".join(
        f"{count:,} with {why}" for why, count in sorted(lost.items())
    )
    problems = []
    for way, cut in WAYS.items():
        out = folder / "exports" / kind / way / target
        asked = ("export", folder / kind, "--for", target, "-o", out, "--media", folder / "media", *cut)
        asked += ("--croissant", "--quiet")
        if lost:
            problems += differs(f"{told};", mixer(*asked))
        if not kept:
            none = f"none of its {len(found):,} records can be written for {target}"
            problems += differs(none, mixer(*asked, "--inexpressible", "drop"))
            continue
        done(mixer(*asked, "--inexpressible", "drop"))
        made = json.loads((out / "export.json").read_bytes())
        if (made["records"], made["dropped"]) != (kept, lost) or sum(each["records"] for each in made["files"]) != kept:
            problems.append(f"expected {kept} records and {dict(lost)} dropped, got {made}")
    if lost and not problems:
        print(f"  {told}")
    return [f"{kind}, {target}: {problem}" for problem in problems]


def differs(wanted, result):
    """Tell it if a command was not refused in these words."""
    code, said = result
    if code != 1 or wanted not in said:
        yield f"expected a refusal: {wanted}\n  got exit {code}: {said.strip()}"


def main():
    """Make everything; say what was dropped, and that it is what the mixes hold."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    write_data(folder)
    print(f"{PICTURES}: {len(build_pictures(folder)):,} records")
    problems = []
    for kind in KINDS:
        found = build_all(folder, kind)
        print(f"{kind}: {len(found):,} records")
        for target in TARGETS:
            problems += export(folder, kind, target, found)
    print("\n".join(problems) or "what targets cannot say is left out, and told by reason and number")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()

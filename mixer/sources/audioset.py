r"""AudioSet: which of 527 kinds of sound are heard in ten seconds of a YouTube video.

Page: https://research.google.com/audioset/download.html
Raw: # Segments csv created ...
     # num_ytids=..., num_segs=..., num_unique_labels=527, num_positive_labels=...
     # YTID, start_seconds, end_seconds, positive_labels
     -a0bC3dEf_g, 30.000, 40.000, "/m/01,/t/dd00002"
Raw (class_labels_indices.csv): index,mid,display_name
     1,/m/01,"Whistle, kettle"
Raw (ontology.json): [{"id": "/m/01", "name": "Whistle, kettle", "child_ids": ["/t/dd00002"], ...}, ...]

Licence: CC-BY-4.0, the ontology CC-BY-SA-4.0. No published mix has these conversations. Our own wordings ask for all
labels, in the order of the file, which says nothing, or for all with what stands above them in the ontology. LAVIS asks
for one of a clip's labels, drawn at random, here by a hash, in its own wordings. It answers with an article before the
label, in lower case ("i hear a kettle"); ours is the label alone, as in the table. Quirks:
- No header, three lines of comments, and a blank behind each comma. Copies that spreadsheets saved lack some of that:
  they are read, with a row of names at their top, too. They have `#NAME?` for ids that start with a hyphen: those are
  bad, as rows of segments do not start with `# ` and are no comments.
- Labels are named by the table of classes. A class may stand below several others in the ontology: its path is the
  shortest, of equals the first by name. The ontology has 105 classes that are no labels.
- Nobody publishes the audio. It is named as LAVIS, LTU or VGG's downloaders do; many videos are gone.
- Most segments last ten seconds, some less; a few start between seconds. AudioCaps' clips are all among these.
"""

from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

import msgspec
from pydantic import Field

from mixer.conversation import Labelled, Labels, Skip, dialogue
from mixer.prompts import pick
from mixer.readers import csv_rows, json_array
from mixer.shared.youtube_clips import Seconds, VideoId, padded
from mixer.sources import File, Lookup, Options, Source

TAGS = "What sound events can be heard in this clip?"
PATHS = "What sound events can be heard in this clip? Put before each the kinds of sound that it belongs to."
CLASSIFY = (
    "Classify the following audio:",
    "What is the category of this audio clip?",
    "Identify the content of the following audio:",
    "Provide a classification for the audio.",
    "Analyze and categorize the following audio.",
    "Describe the category of the given audio.",
    "Determine the type of this audio clip.",
    "Can you classify what you hear in the audio?",
    "What type of audio is this?",
    "How would you classify this audio clip?",
    "Please identify the category of the following audio:",
    "What category does the following audio fall into?",
    "Classify the sounds in this audio clip.",
)
"""X-InstructBLIP's, which is part of LAVIS."""
SPLITS = {"balanced_train": 22_160, "unbalanced_train": 2_041_789, "eval": 20_371}
"""Split -> its segments."""
SEGMENTS = csv_rows.of(
    columns=("YTID", "start_seconds", "end_seconds", "positive_labels"),
    comment=("# ", "YTID,"),
    skip_initial_space=True,
)
"""A row of names is as good as a comment; ids have eleven characters."""


class Node(NamedTuple):
    """A class: its name, and the classes above it."""

    name: str
    above: tuple[str, ...] = ()


class Raw(msgspec.Struct):
    """A segment."""

    id: VideoId = msgspec.field(name="YTID")
    start: Seconds = msgspec.field(name="start_seconds")
    end: Seconds = msgspec.field(name="end_seconds")
    labels: str = msgspec.field(name="positive_labels")
    classes: dict[str, Node] = {}

    @property
    def table(self) -> str:
        """Every segment needs the whole table of classes."""
        return ""


class Class(msgspec.Struct):
    """A row of the table of classes."""

    mid: str
    display_name: str


class Entry(msgspec.Struct):
    """A class of the ontology, and those below it."""

    id: str
    name: str
    child_ids: list[str]


class AudioSetOptions(Options):
    """Which segments, what is asked, and what audio is called."""

    split: Literal["balanced_train", "unbalanced_train", "eval"] = Field(
        default="balanced_train", description="Published file of segments."
    )
    form: Literal["tags", "one", "paths"] = Field(
        default="tags",
        description="All labels, one of them asked for as X-InstructBLIP does, or all with their place in the ontology.",
    )
    audio: Literal["lavis", "ltu", "vgg"] = Field(
        default="lavis",
        description="How audio is named: <id>_30.0-40.0.wav (LAVIS), <id>.flac (LTU), or <id>_000030.wav (VGG).",
    )


def _everything(_entry: Class | Entry) -> str:
    return ""


def _named(entry: Class) -> dict[str, Node]:
    return {entry.mid: Node(entry.display_name)}


def _placed(entry: Entry) -> dict[str, Node]:
    return {entry.id: Node(entry.name), **{child: Node("", (entry.id,)) for child in entry.child_ids}}


def _merged(known: dict[str, Node], more: dict[str, Node]) -> dict[str, Node]:
    """Add to the classes that are known. Not anew: each entry would copy all before it."""
    for mid, node in more.items():
        name, above = known.get(mid, Node(""))
        known[mid] = Node(name or node.name, above + node.above)
    return known


def _classes(form: str) -> Lookup:
    if form == "paths":
        file = File("ontology.json", json_array, Entry, records=632, when={"form": form})
        return Lookup(file, key=_everything, row=_placed, match="table", field="classes", merge=_merged)
    file = File("class_labels_indices.csv", csv_rows.of(), Class, records=527, when={"form": form})
    return Lookup(file, key=_everything, row=_named, match="table", field="classes", merge=_merged)


SOURCE = Source(
    title="AudioSet",
    homepage="https://research.google.com/audioset/download.html",
    licence="CC-BY-4.0",
    terms=("CC-BY-4.0",),
    modality="audio",
    task="classification",
    language="en",
    files=tuple(
        File(f"{split}_segments.csv", SEGMENTS, Raw, records=segments, when={"split": split})
        for split, segments in SPLITS.items()
    ),
    options=AudioSetOptions,
    lookups=tuple(map(_classes, ("tags", "one", "paths"))),
    media=("audioset",),
    records=SPLITS["balanced_train"],
)


def convert(raw: Raw, options: AudioSetOptions) -> Labelled | Skip:
    """Ask for the labels of a segment."""
    mids = [mid for mid in map(str.strip, raw.labels.split(",")) if mid]
    if not mids:
        return Skip("no label")
    if not all(mid in raw.classes and raw.classes[mid].name for mid in mids):
        return Skip("label not among the classes")
    name = f"{raw.id}_{raw.start:.3f}".rstrip("0").rstrip(".")
    if options.form == "one":
        asked = pick(CLASSIFY, "audioset", name, "prompt")
        answer = raw.classes[pick(mids, "audioset", name, "label")].name
    elif options.form == "tags":
        asked, answer = TAGS, "; ".join(raw.classes[mid].name for mid in mids)
    else:
        asked, answer = PATHS, "; ".join(" > ".join(_path(mid, raw.classes)) for mid in mids)
    audio = {
        "lavis": f"{raw.id}_{raw.start:.1f}-{raw.end:.1f}.wav",
        "ltu": f"{raw.id}.flac",
        "vgg": f"{padded(raw.id, int(raw.start))}.wav",
    }[options.audio]
    record = dialogue(id=name, rounds=[(asked, answer)], audio=f"audioset/{audio}")
    return Labelled(record, Labels(split=options.split))


def _path(mid: str, classes: Mapping[str, Node]) -> tuple[str, ...]:
    """Give the names from the top of the ontology down to a class."""
    return min(_paths((mid,), classes), key=lambda path: (len(path), path))


def _paths(chain: tuple[str, ...], classes: Mapping[str, Node]) -> Iterator[tuple[str, ...]]:
    above = [mid for mid in classes[chain[0]].above if mid not in chain]
    if not above:
        yield tuple(classes[mid].name for mid in chain)
    for mid in above:
        yield from _paths((mid, *chain), classes)

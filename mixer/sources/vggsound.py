r"""VGG-Sound: the one of 309 sounds that is heard, and seen to be made, in ten seconds of a YouTube video.

Page: https://www.robots.ox.ac.uk/~vgg/data/vggsound/
Raw (vggsound.csv, no names of columns): -a0bC3dEf_g,30,"kettle, pot, etc. whistling",train
Raw (train.csv, test.csv, AStest.csv): -a0bC3dEf_g_000030.mp4,"kettle, pot, etc. whistling"
Raw (stat.csv): "kettle, pot, etc. whistling",512,home

Licence: CC-BY-4.0. A clip is one record, asked for its label in the words of lmms-eval. It may be heard or watched.
Quirks:
- Labels hold commas, and one is misspelt (`eletric blender running`): all stay as they are.
- Clips are named by the video and the second at which they start, in six digits. Many are gone from YouTube.
- AStest.csv has the clips of the test split that are in AudioSet, too. VGG-SS is in the test split.
- Copies that spreadsheets saved have `#NAME?` for ids that start with a hyphen: those are bad.
"""

from typing import Annotated, Literal

import msgspec
from pydantic import Field

from mixer.conversation import Labelled, Labels, Skip, dialogue
from mixer.prompts import MAIN_SOUND
from mixer.readers import csv_rows
from mixer.shared.youtube_clips import VideoId, padded
from mixer.sources import File, Lookup, Options, Source

NAMED = csv_rows.of(columns=("file", "label"))


class Clip(msgspec.Struct):
    """A row of train.csv, test.csv or AStest.csv."""

    file: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{11}_[0-9]{6}\.mp4\Z")]
    label: str
    split: str = ""
    category: str | None = None

    @property
    def name(self) -> str:
        """What the clip is called."""
        return self.file.removesuffix(".mp4")


class Row(msgspec.Struct):
    """A row of vggsound.csv."""

    id: VideoId
    start: Annotated[int, msgspec.Meta(ge=0)]
    label: str
    split: Literal["train", "test"]
    category: str | None = None

    @property
    def name(self) -> str:
        """What the clip is called."""
        return padded(self.id, self.start)


class Stat(msgspec.Struct):
    """A row of stat.csv."""

    label: str
    category: str


class VggSoundOptions(Options):
    """Which clips, and what becomes of them."""

    file: Literal["vggsound", "train", "test", "AStest"] = Field(
        default="vggsound", description="Published file: all clips, those of a split, or of its part in AudioSet."
    )
    splits: tuple[Literal["train", "test"], ...] = Field(
        default=("train",), min_length=1, description="Of file=vggsound: which splits."
    )
    medium: Literal["audio", "video"] = Field(default="audio", description="Whether the clip is heard or watched.")
    subset: Literal["none", "category"] = Field(
        default="none", description="Label records with one of nine kinds of sound, such as `music`, from stat.csv."
    )


def _label(stat: Stat) -> str:
    return stat.label


def _category(stat: Stat) -> str:
    return stat.category


def _split(name: str, split: str, records: int | None = None) -> File:
    return File(f"data/{name}.csv", NAMED, Clip, records=records, when={"file": name}, give={"split": split})


SOURCE = Source(
    title="VGG-Sound",
    homepage="https://www.robots.ox.ac.uk/~vgg/data/vggsound/",
    licence="CC-BY-4.0",
    terms=("CC-BY-4.0",),
    modality="audio",
    task="classification",
    language="en",
    files=(
        File(
            "data/vggsound.csv",
            csv_rows.of(columns=("id", "start", "label", "split")),
            Row,
            when={"file": "vggsound"},
        ),
        _split("train", "train"),
        _split("test", "test", 15_446),
        _split("AStest", "test", 6_927),
    ),
    options=VggSoundOptions,
    lookups=(
        Lookup(
            File(
                "data/stat.csv",
                csv_rows.of(columns=("label", "clips", "category")),
                Stat,
                records=309,
                when={"subset": "category"},
            ),
            key=_label,
            row=_category,
            match="label",
            field="category",
        ),
    ),
    media=("vggsound",),
)


def convert(raw: Clip | Row, options: VggSoundOptions) -> Labelled | Skip:
    """Ask for the label of a clip."""
    if options.file == "vggsound" and raw.split not in options.splits:
        return Skip("of another split")
    rounds, path = [(MAIN_SOUND, raw.label)], f"vggsound/{raw.name}"
    record = (
        dialogue(id=raw.name, rounds=rounds, video=f"{path}.mp4")
        if options.medium == "video"
        else dialogue(id=raw.name, rounds=rounds, audio=f"{path}.wav")
    )
    return Labelled(record, Labels(raw.category, raw.split))

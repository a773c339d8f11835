r"""Clotho: five captions by different people of each of Freesound's sounds of 15 to 30 seconds.

Page: https://zenodo.org/records/4783391
Raw: file_name,caption_1,caption_2,caption_3,caption_4,caption_5
     Kettle &amp; Lid.wav,A kettle boils.,Water is boiling and a lid rattles,...
Raw (metadata): file_name,keywords,sound_id,sound_link,start_end_samples,manufacturer,license
     Kettle &amp; Lid.wav,kettle;steam,70001,https://freesound.org/people/ann/sounds/70001,"[1024, 845524]",ann,http://...

Licence: Tampere University's for the captions (non-commercial, attribution); each sound has its own, which the metadata
name. A record of each caption, or of each sound with one of them, as LAVIS draws one. The request for keywords is our
own wording. Quirks:
- Versions 1 (https://zenodo.org/records/3490684), 2 and 2.1 name their files alike. Version 1 has 2,893 sounds for
  development and none for validation; evaluation is the same in all.
- Names of sounds are kept to the letter, as their files have them: with blanks at their start, and with HTML entities.
- Captions differ in case and punctuation. 14 have blanks around them, which go.
- Captions and metadata are joined by the name of the sound: some sounds have no number. Metadata are in ISO-8859-1.
- Many of the sounds are in WavCaps, too. The test split has no captions, and is not offered.
"""

from collections.abc import Iterator
from typing import Literal, Self

import msgspec
from pydantic import Field, model_validator

from mixer.conversation import Labelled, Labels, Skip, dialogue
from mixer.readers import csv_rows
from mixer.shared.audio_captions import AudioCaptionOptions, Caption, records
from mixer.sources import File, Lookup, Source

KEYWORDS = "Which keywords describe this sound?"
LTU = "Close-ended question: Create a caption for audio, in Clotho style."
SOUNDS = {"development": 3_839, "validation": 1_045, "evaluation": 1_045}
"""Split of version 2.1 -> its sounds."""


class Raw(msgspec.Struct):
    """A row: a sound."""

    file_name: str
    caption_1: str
    caption_2: str
    caption_3: str
    caption_4: str
    caption_5: str
    keywords: str = ""
    licence: str | None = None


class Metadata(msgspec.Struct):
    """What is known of a sound."""

    file_name: str
    keywords: str
    license: str


class ClothoOptions(AudioCaptionOptions):
    """Which sounds, and what is asked."""

    split: Literal["development", "validation", "evaluation"] = Field(default="development", description="Which split.")
    form: Literal["captions", "keywords"] = Field(
        default="captions", description="Captions, or the keywords that the uploader gave, from the metadata."
    )
    subset: Literal["none", "licence"] = Field(
        default="none", description="Label records with the address of the sound's licence, from the metadata."
    )

    @model_validator(mode="after")
    def _asked_for_captions(self) -> Self:
        if self.form == "keywords" and (self.captions, self.prompt) != ("all", "salmonn"):
            raise ValueError("captions and prompt: of form=captions only")
        return self


def _metadata(split: str, option: str, value: str) -> File:
    reader = csv_rows.of(encoding="iso-8859-1")
    return File(f"clotho_metadata_{split}.csv", reader, Metadata, when={"split": split, option: value})


def _name(entry: Metadata) -> str:
    return entry.file_name


def _keywords(entry: Metadata) -> str:
    return entry.keywords


def _licence(entry: Metadata) -> str:
    return entry.license


SOURCE = Source(
    title="Clotho",
    homepage="https://zenodo.org/records/4783391",
    licence="Tampere University, non-commercial",
    terms=("research-only",),
    modality="audio",
    task="caption",
    language="en",
    files=tuple(
        File(f"clotho_captions_{split}.csv", csv_rows.of(), Raw, records=sounds, when={"split": split})
        for split, sounds in SOUNDS.items()
    ),
    options=ClothoOptions,
    lookups=tuple(
        Lookup(_metadata(split, *chosen), key=_name, row=row, match="file_name", field=field)
        for split in SOUNDS
        for chosen, row, field in (
            (("form", "keywords"), _keywords, "keywords"),
            (("subset", "licence"), _licence, "licence"),
        )
    ),
    media=tuple(f"clotho/{split}" for split in SOUNDS),
    records=SOUNDS["development"],
)


def convert(raw: Raw, options: ClothoOptions) -> Iterator[Labelled | Skip]:
    """Ask for captions or keywords of a sound."""
    name = raw.file_name.removesuffix(".wav")
    audio = f"clotho/{options.split}/{raw.file_name}"
    if options.form == "keywords":
        labels = Labels(raw.licence, options.split, task="classification")
        words = "; ".join(filter(None, raw.keywords.split(";")))
        record = dialogue(id=name, rounds=[(KEYWORDS, words)], audio=audio)
        yield Labelled(record, labels) if words else Skip("no keywords")
        return
    five = (raw.caption_1, raw.caption_2, raw.caption_3, raw.caption_4, raw.caption_5)
    yield from records(
        [Caption(f"{name}_{number}", text) for number, text in enumerate(five, 1)],
        options,
        source="clotho",
        clip=name,
        audio=audio,
        ltu=LTU,
        labels=Labels(raw.licence, options.split),
        items=1,
    )

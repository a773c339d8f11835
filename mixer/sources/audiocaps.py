r"""AudioCaps: captions of AudioSet's clips of ten seconds, one of each in the train split and five in the others.

Page: https://github.com/cdjkim/audiocaps
Raw: audiocap_id,youtube_id,start_time,caption
     91021,-a0bC3dEf_g,30,"A kettle hums, then someone whistles"

Licence: free for academic purposes only. A record of each caption, as SALMONN and LTU train, or of each clip with one
of them; LAVIS tests on the first. Quirks:
- Versions 1 and 2.0 have files of the same names. Captions of 2.0's val and test are those of 1, nearly all in
  lower case, and a few mended.
- The five captions of a clip are scattered over the file. Version 1 ends lines with CRLF, 2.0 does not.
- Three captions of 2.0's train split were published with a line break in them and no quotes (mended in October 2025):
  a line without a number at its start goes on with the caption before it, behind a blank. The authors mended two of
  them just so, and wrote the third, 7994, anew.
- `v1_train_fixed` is the corrected list of version 1 that aac-datasets has, train_v2.csv; it is not version 2.0.
- A clip lasts ten seconds. Published audio is named by the whole second it starts at; LAVIS leaves out six clips whose
  audio was broken in its copy. Many clips are gone from YouTube. All clips are in AudioSet, some in WavCaps.
- Copies that spreadsheets saved have `#NAME?` for ids that start with a hyphen: those are bad.
"""

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

import msgspec
from pydantic import Field

from mixer.conversation import Labelled, Labels, Skip
from mixer.readers import csv_rows
from mixer.shared.audio_captions import AudioCaptionOptions, Caption, records
from mixer.shared.youtube_clips import VideoId
from mixer.sources import File, Grouping, Source

BROKEN = ("2sh7ZkazyO8", "966jA2-z0mQ", "52RlolYyjAE", "HVAc9hm4jjk", "8lPjqvYWNyM", "eXgPnnE3TuQ")
LTU = "Close-ended question: Write an audio caption describing the sound, in AudioCaps style."
FILES = {
    "v1_train": ("dataset/train.csv", 49_838),
    "v1_val": ("dataset/val.csv", 2_475),
    "v1_test": ("dataset/test.csv", 4_875),
    "v1_train_fixed": ("train_v2.csv", 49_810),
    "v2_train": ("dataset2.0/train.csv", 91_256),
    "v2_val": ("dataset2.0/val.csv", 2_475),
    "v2_test": ("dataset2.0/test.csv", 4_875),
}
"""File -> its published path and its captions."""
TORN = csv_rows.of(starts=rb"\d+,")


class Raw(msgspec.Struct):
    """A row: a caption."""

    audiocap_id: int
    youtube_id: VideoId
    start_time: Annotated[int, msgspec.Meta(ge=0)]
    caption: str

    @property
    def clip(self) -> str:
        """What is converted together: the captions of a clip."""
        return f"{self.youtube_id}_{self.start_time}"


class AudioCapsOptions(AudioCaptionOptions):
    """Which file, and where its audio lies."""

    file: Literal["v1_train", "v1_val", "v1_test", "v1_train_fixed", "v2_train", "v2_val", "v2_test"] = Field(
        default="v1_train", description="Version and split, or aac-datasets' corrected train split of version 1."
    )
    audio: Literal["lavis", "aac_datasets"] = Field(
        default="lavis",
        description="Where clips are: in folders named like their split, or in these below AUDIOCAPS/audio_32000Hz.",
    )
    broken: Literal["keep", "skip"] = Field(
        default="keep", description="What becomes of the six clips whose audio was broken in LAVIS's copy."
    )


SOURCE = Source(
    title="AudioCaps",
    homepage="https://github.com/cdjkim/audiocaps",
    licence="academic purposes only",
    terms=("research-only",),
    modality="audio",
    task="caption",
    language="en",
    files=tuple(
        File(path, TORN if name == "v2_train" else csv_rows.of(), Raw, records=captions, when={"file": name})
        for name, (path, captions) in FILES.items()
    ),
    options=AudioCapsOptions,
    grouping=Grouping(by="clip"),
    media=("audiocaps/train", "audiocaps/val", "audiocaps/test"),
    records=49_838,
)


def convert(raws: Sequence[Raw], options: AudioCapsOptions) -> Iterator[Labelled | Skip]:
    """Ask for captions of a clip."""
    first, split = raws[0], options.file.split("_")[1]
    if options.broken == "skip" and first.youtube_id in BROKEN:
        yield Skip("audio was broken in LAVIS's copy", len(raws))
        return
    folder = "AUDIOCAPS/audio_32000Hz/" if options.audio == "aac_datasets" else ""
    yield from records(
        [Caption(f"{raw.audiocap_id}", raw.caption) for raw in raws],
        options,
        source="audiocaps",
        clip=first.clip,
        audio=f"audiocaps/{folder}{split}/{first.clip}.flac",
        ltu=LTU,
        labels=Labels(split=split),
        items=len(raws),
    )

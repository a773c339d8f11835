"""From an image's file to the pixels a model looks at, as a model's preprocessor_config.json says.

The steps of transformers' CLIP and ViT image processors, with Pillow and numpy alone: bring the picture to a size with
Pillow's filter, cut out its middle, scale the levels, take the mean and divide by the deviation. Before them the picture
is turned as its EXIF orientation says and laid on white where it is transparent, as in fingerprints.py.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mixer.errors import DataError, MissingFile, MixerError
from mixer.fingerprints import decoded, missing, undecodable
from mixer.remote.waiting import over

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

NAME = "preprocessor_config.json"
LARGEST = 64_000_000
"""Pixels of a resized picture; of a long strip that would have more, only the middle is made."""
_CLIP = {
    "do_resize": True, "size": {"shortest_edge": 224}, "resample": 3, "do_center_crop": True, "crop_size": 224,
    "do_rescale": True, "rescale_factor": 1 / 255, "do_normalize": True,
    "image_mean": [0.48145466, 0.4578275, 0.40821073], "image_std": [0.26862954, 0.26130258, 0.27577711],
}  # fmt: skip
_VIT = {
    **_CLIP, "size": {"height": 224, "width": 224}, "resample": 2, "do_center_crop": False,
    "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5],
}  # fmt: skip
_DEFAULTS = {"CLIP": _CLIP, "ViT": _VIT}
"""What transformers takes for what a file leaves out, by the beginning of the processor's name."""
_DONE = {"do_resize", "do_center_crop", "do_rescale", "do_normalize", "do_convert_rgb"}


@dataclass(frozen=True)
class Preprocessing:
    """How pictures are prepared."""

    shortest: int | None
    """The shorter side is brought to this, the longer one in proportion; None: both sides as `height` and `width`."""
    height: int
    """Of what the model looks at."""
    width: int
    resample: int
    """Pillow's number of the filter: 0 nearest, 1 Lanczos, 2 bilinear, 3 bicubic, 4 box, 5 Hamming."""
    factor: float
    """What levels of 0 to 255 are multiplied by."""
    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]

    def as_json(self) -> dict[str, Any]:
        """Give all that decides the pixels as plain JSON values."""
        steps = {"orientation": "EXIF", "transparent": "white", "frame": "first", "crop": "center"}
        return {**json.loads(json.dumps(asdict(self))), **steps}


def read(folder: Path) -> Preprocessing:
    """Read a model's preprocessor_config.json. Raises MissingFile, and DataError for what we cannot do exactly."""
    path = folder / NAME
    try:
        told = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise MissingFile(f"{path}: no such file; it says how images are prepared, and comes with the model") from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: is no JSON: {error}") from error
    if not isinstance(told, dict):
        raise DataError(f"{path}: expected an object, got another JSON value")
    try:
        return _understood(told)
    except (ValueError, LookupError, TypeError, OverflowError) as error:
        said = f"has no {error}" if isinstance(error, KeyError) else str(error)
        raise DataError(f"{path}: {said}; expected what transformers' CLIP or ViT image processors write") from error


def _understood(told: Mapping[str, Any]) -> Preprocessing:
    """Make sense of a configuration. Raises ValueError, LookupError or TypeError."""
    kind = str(told.get("image_processor_type", told.get("feature_extractor_type", "CLIPImageProcessor")))
    values = {**next((known for name, known in _DEFAULTS.items() if kind.startswith(name)), {}), **told}
    asked = sorted(name for name, wanted in told.items() if name.startswith("do_") and wanted and name not in _DONE)
    if asked:
        raise ValueError(f"asks for {', '.join(asked)}, which is not done here")
    if not values["do_resize"]:
        raise ValueError("leaves pictures in their size (do_resize)")
    size, resample = values["size"], values["resample"]
    shortest = size if isinstance(size, int) and kind.startswith("CLIP") else None
    if isinstance(size, dict):
        shortest = size.get("shortest_edge")
        if set(size) - {"shortest_edge", "height", "width"}:
            raise ValueError(f"has size {json.dumps(size)}")
    if resample not in range(6):
        raise ValueError(f"has resample {resample!r}")
    whole = _sides(shortest if shortest is not None else size)
    height, width = _sides(values["crop_size"]) if values["do_center_crop"] else whole
    if shortest is not None and not values["do_center_crop"]:
        raise ValueError("cuts nothing out of pictures of different sizes (do_center_crop)")
    if height > whole[0] or width > whole[1]:
        raise ValueError(f"cuts {height} x {width} out of {whole[0]} x {whole[1]}")
    if shortest is None and (height, width) != whole:
        raise ValueError("has size height and width, and cuts")
    factor = float(values["rescale_factor"]) if values["do_rescale"] else 1.0
    mean = _three(values["image_mean"]) if values["do_normalize"] else (0.0, 0.0, 0.0)
    deviation = _three(values["image_std"]) if values["do_normalize"] else (1.0, 1.0, 1.0)
    if not all(map(math.isfinite, (factor, *mean, *deviation))) or not all(deviation):
        raise ValueError("has a rescale_factor, image_mean or image_std that no level can be reckoned with")
    return Preprocessing(shortest, height, width, int(resample), factor, mean, deviation)


def _sides(value: int | Mapping[str, int]) -> tuple[int, int]:
    height, width = (value, value) if isinstance(value, int) else (value["height"], value["width"])
    if not (isinstance(height, int) and isinstance(width, int) and 0 < height <= 4096 and 0 < width <= 4096):
        raise ValueError(f"has a size of {height!r} x {width!r}")
    return height, width


def _three(values: Any) -> tuple[float, float, float]:
    red, green, blue = map(float, values)
    return red, green, blue


def prepared(task: tuple[Preprocessing, list[Path]]) -> list[np.ndarray | str]:
    """Prepare images: of each file (height, width, 3) uint8, or what is wrong with it."""
    how, files = task
    return over(partial(_pixels, how), files)


def _pixels(how: Preprocessing, path: Path) -> np.ndarray | str:
    import numpy as np

    problem = missing(path)
    if problem is not None:
        return problem
    try:
        return np.asarray(_resized(decoded(path, "RGB"), how))
    except MixerError:  # of an object store: nothing is known of the image then
        raise
    except Exception as error:  # noqa: BLE001 - decoders of bad files raise whatever they stumble over
        return undecodable(error)


def _resized(picture: Image.Image, how: Preprocessing) -> Image.Image:
    """Bring a picture to its size, and cut out the middle."""
    from PIL.Image import Resampling

    filter_ = Resampling(how.resample)
    if how.shortest is None:
        return picture.resize((how.width, how.height), filter_)
    width, height = picture.size
    short, long = how.shortest, int(how.shortest * max(width, height) / min(width, height))
    wide, high = (short, long) if width <= height else (long, short)
    left, top = (wide - how.width) // 2, (high - how.height) // 2
    right, bottom = left + how.width, top + how.height
    if wide * high > LARGEST:
        box = (left * width / wide, top * height / high, right * width / wide, bottom * height / high)
        return picture.resize((how.width, how.height), filter_, box=box)
    return picture.resize((wide, high), filter_).crop((left, top, right, bottom))


def normalised(levels: np.ndarray, how: Preprocessing) -> np.ndarray:
    """Turn (images, height, width, 3) uint8 into what a model takes: (images, 3, height, width) float32."""
    import numpy as np

    scaled = (levels.astype(np.float64) * how.factor).astype(np.float32)
    even = (scaled - np.array(how.mean, dtype=np.float32)) / np.array(how.deviation, dtype=np.float32)
    return np.ascontiguousarray(even.transpose(0, 3, 1, 2))

"""A local model that turns pixels into embeddings: which files it is made of, and running it on a batch.

What a folder holds says how it is run: `model.onnx` by onnxruntime, `config.json` and safetensors by transformers.
Either way on one thread and with batches of one size, the last one filled up with zeros, so that the same machine and
libraries give the same bits, whatever the number of processes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

from mixer.embedding import preprocessing
from mixer.embedding.preprocessing import Preprocessing
from mixer.errors import DataError, MissingFile, UsageError
from mixer.extras import need
from mixer.hashing import sha256_of

if TYPE_CHECKING:
    import numpy as np

ONNX = "model.onnx"
Device = Literal["cpu", "cuda"]


class Model(Protocol):
    """A model in memory."""

    @property
    def tensor(self) -> str:
        """Name exactly what is taken of its outputs."""
        ...

    @property
    def batch(self) -> int | None:
        """The one size of batch that it takes, if its files fix it."""
        ...

    def embed(self, pixels: np.ndarray) -> np.ndarray:
        """Turn (images, 3, height, width) float32 into (images, width) float32."""
        ...


@dataclass(frozen=True)
class Choice:
    """Which model to run, and how."""

    folder: Path
    how: Preprocessing
    tensor: str | None = None
    """None: the one there is, or the usual one of its kind."""
    device: Device = "cpu"

    @property
    def kind(self) -> Literal["onnx", "transformers"]:
        """Say what runs it. Raises UsageError for a folder that holds no model."""
        if (self.folder / ONNX).is_file():
            return "onnx"
        if (self.folder / "config.json").is_file():
            return "transformers"
        raise UsageError(
            f"--model {self.folder}: expected a folder with {ONNX}, or with config.json and model.safetensors"
        )


def choose(folder: Path, tensor: str | None = None, device: Device = "cpu") -> Choice:
    """Choose the model of a folder. Raises UsageError, MissingFile and DataError as `preprocessing.read`."""
    for module in ("numpy", "PIL.Image"):
        need(module, "embed")
    if not folder.is_dir():
        raise MissingFile(f"--model {folder}: no such folder; expected one with a model's files")
    choice = Choice(folder.absolute(), Preprocessing(None, 1, 1, 0, 1, (0, 0, 0), (1, 1, 1)), tensor, device)
    _ = choice.kind  # a folder without a model is told first
    return Choice(choice.folder, preprocessing.read(folder), tensor, device)


def files(choice: Choice) -> dict[str, str]:
    """Hash the files that decide what a model gives: name -> sha256, sorted."""
    patterns = (
        (f"{ONNX}*", "*.onnx_data", "*.onnx.data") if choice.kind == "onnx" else ("config.json", "*.safetensors*")
    )
    found = {path for pattern in (*patterns, preprocessing.NAME) for path in choice.folder.glob(pattern)}
    return {path.name: sha256_of(path) for path in sorted(found) if path.is_file()}


@lru_cache(maxsize=1)
def opened(choice: Choice) -> Model:
    """Load a model once a process. Raises UsageError for a tensor or device there is not, DataError for bad files."""
    if choice.kind == "onnx":
        from mixer.embedding import onnx_model

        return onnx_model.load(choice.folder / ONNX, choice.how, choice.tensor, choice.device)
    from mixer.embedding import torch_model

    return torch_model.load(choice.folder, choice.how, choice.tensor, choice.device)


class About(NamedTuple):
    """What is known of a model once it was loaded."""

    model: dict[str, Any]
    """What must be the same for embeddings to lie in one folder, as vectors_folder.py says."""
    settings: dict[str, Any]
    """What may differ in the last digits."""
    batch: int


def describe(choice: Choice, batch: int) -> About:
    """Load a model and say what it is. Raises UsageError where it cannot take batches of that size."""
    model = opened(choice)
    if model.batch not in (None, batch):
        raise UsageError(f"--batch {batch}: {choice.folder.name} takes batches of {model.batch} only")
    width = embed(Batch(choice, model.batch or 1, _nothing(choice.how))).shape[1]
    same = {
        "kind": choice.kind,
        "files": files(choice),
        "tensor": model.tensor,
        "width": width,
        "preprocessing": choice.how.as_json(),
    }
    return About(same, {"device": choice.device, "batch": batch, "libraries": _libraries(choice)}, batch)


def _nothing(how: Preprocessing) -> np.ndarray:
    import numpy as np

    return np.zeros((1, how.height, how.width, 3), dtype=np.uint8)


def _libraries(choice: Choice) -> Mapping[str, str]:
    from importlib.metadata import version

    names = ("onnxruntime",) if choice.kind == "onnx" else ("torch", "transformers")
    return {name: version(_distribution(name)) for name in (*names, "numpy", "pillow")}


def _distribution(module: str) -> str:
    """Find the distribution of a module: onnxruntime comes as onnxruntime-gpu too."""
    from importlib.metadata import packages_distributions

    return packages_distributions().get(module, [module])[0]


class Batch(NamedTuple):
    """Work for a model: at most `size` pictures."""

    choice: Choice
    size: int
    levels: np.ndarray
    """(pictures, height, width, 3) uint8."""


def embed(batch: Batch) -> np.ndarray:
    """Run a model on a batch, filled up to its size: (pictures, width) float32. Raises DataError where it fails."""
    import numpy as np

    choice, size, levels = batch
    full = np.zeros((size, *levels.shape[1:]), dtype=np.uint8)
    full[: len(levels)] = levels
    vectors = opened(choice).embed(preprocessing.normalised(full, choice.how))
    if vectors.ndim != 2 or len(vectors) != size or not vectors.shape[1]:
        raise DataError(
            f"{choice.folder}: expected a tensor of ({size}, width), got {vectors.shape}; name another with --tensor"
        )
    return np.ascontiguousarray(vectors[: len(levels)], dtype=np.float32)

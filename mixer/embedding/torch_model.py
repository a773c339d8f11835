"""Models of transformers, by torch: the vision part of CLIP, and ViT. Only local files, only safetensors, no code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mixer.embedding.preprocessing import Preprocessing
from mixer.errors import DataError, UsageError, did_you_mean
from mixer.extras import need
from mixer.fingerprints import first_line

if TYPE_CHECKING:
    import numpy as np

FIRST_TOKEN, POOLED = "last_hidden_state[:, 0]", "pooler_output"
"""The class embedding. Of CLIP: before its last layer norm, and after it. Of ViT: after it, and through a dense layer."""
_CLASSES = {
    "clip": ("CLIPVisionModel", POOLED),
    "clip_vision_model": ("CLIPVisionModel", POOLED),
    "vit": ("ViTModel", FIRST_TOKEN),
}
"""Type of a configuration -> transformers' class, and the tensor that is taken unless another is named."""


@dataclass(frozen=True)
class TorchModel:
    """A model on its device, and the output that is taken."""

    folder: Path
    module: Any
    tensor: str
    device: str
    batch: int | None = None

    def embed(self, pixels: np.ndarray) -> np.ndarray:
        """Turn (images, 3, height, width) float32 into (images, width) float32."""
        import numpy as np

        torch = need("torch", "embed-torch")
        try:
            with torch.inference_mode():
                found = self.module(pixel_values=torch.from_numpy(pixels).to(self.device))
                taken = found.pooler_output if self.tensor == POOLED else found.last_hidden_state[:, 0]
                return np.asarray(taken.float().cpu().numpy())
        except (RuntimeError, ValueError) as error:
            raise DataError(f"{self.folder}: failed on {pixels.shape}: {first_line(error)}") from error


def load(folder: Path, how: Preprocessing, tensor: str | None, device: str) -> TorchModel:
    """Load a model in float32. Raises UsageError for a tensor or device there is not, DataError for bad files."""
    torch = need("torch", "embed-torch")
    transformers = need("transformers", "embed-torch")
    if device == "cuda" and not torch.cuda.is_available():
        raise UsageError("--device cuda: torch finds no GPU here")
    torch.set_num_threads(1)
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    local = {"local_files_only": True, "trust_remote_code": False}
    try:
        kind = transformers.AutoConfig.from_pretrained(folder, **local).model_type
        if kind not in _CLASSES:
            raise DataError(f"{folder}: is a model of type {kind}; expected {', '.join(_CLASSES)}, or a model.onnx")
        name, usual = _CLASSES[kind]
        with _quiet(transformers):
            module, loading = getattr(transformers, name).from_pretrained(
                folder, **local, use_safetensors=True, attn_implementation="eager", output_loading_info=True
            )
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise DataError(f"{folder}: cannot be loaded: {first_line(error)}") from error
    tensor = tensor or usual
    if tensor not in (FIRST_TOKEN, POOLED):
        raise UsageError(f"--tensor {tensor}: unknown{did_you_mean(tensor, (FIRST_TOKEN, POOLED))}")
    _refuse_unlike(folder, module, loading, tensor, how)
    return TorchModel(folder, module.float().eval().to(device), tensor, device)


def _refuse_unlike(folder: Path, module: Any, loading: Any, tensor: str, how: Preprocessing) -> None:
    """Refuse weights that were made up since the files lack them, and pixels of another size."""
    missing = {name for name in loading["missing_keys"] if not name.endswith("position_ids")}
    if tensor == FIRST_TOKEN:
        missing = {name for name in missing if not name.startswith("pooler.")}
    if missing:
        raise DataError(f"{folder}: its weights lack {len(missing)}, such as {min(missing)}; expected a whole model")
    side = module.config.image_size
    expected = tuple(side) if isinstance(side, (list, tuple)) else (side, side)
    if expected != (how.height, how.width):
        raise DataError(f"{folder}: looks at {expected} pixels, its preprocessor gives {(how.height, how.width)}")


@contextmanager
def _quiet(transformers: Any) -> Iterator[None]:
    """Keep transformers from telling of weights that a vision part has no use for."""
    logging = transformers.utils.logging
    before = logging.get_verbosity()
    bars = logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(before)
        if bars:
            logging.enable_progress_bar()

"""Models in ONNX, by onnxruntime."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mixer.embedding.preprocessing import Preprocessing
from mixer.errors import DataError, UsageError, did_you_mean
from mixer.extras import need
from mixer.fingerprints import first_line

if TYPE_CHECKING:
    import numpy as np

_PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
_TYPES = {"tensor(float)": "float32", "tensor(float16)": "float16"}
_CLASS = "[:, 0]"
"""What names the class embedding of a tensor (images, tokens, width)."""


@dataclass(frozen=True)
class OnnxModel:
    """A session, its input and the output that is taken."""

    path: Path
    session: Any
    input: str
    dtype: str
    output: str
    first_token: bool
    batch: int | None

    @property
    def tensor(self) -> str:
        """Name what is taken of its outputs."""
        return self.output + (_CLASS if self.first_token else "")

    def embed(self, pixels: np.ndarray) -> np.ndarray:
        """Turn (images, 3, height, width) float32 into (images, width) float32."""
        import numpy as np

        try:
            (found,) = self.session.run([self.output], {self.input: pixels.astype(self.dtype)})
        except Exception as error:  # onnxruntime's errors have no class in common but this
            raise DataError(f"{self.path}: failed on {pixels.shape}: {first_line(error)}") from error
        taken = found[:, 0] if self.first_token and found.ndim == 3 else found
        return np.asarray(taken, dtype=np.float32)


def load(path: Path, how: Preprocessing, tensor: str | None, device: str) -> OnnxModel:
    """Load a model. Raises UsageError for a tensor or device there is not, DataError for what is no such model."""
    runtime = need("onnxruntime", "embed")
    provider = _PROVIDERS[device]
    if provider not in runtime.get_available_providers():
        raise UsageError(f"--device {device}: this onnxruntime has no {provider}; pip install onnxruntime-gpu instead")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        session = runtime.InferenceSession(str(path), options, providers=[provider])
    except Exception as error:  # as above
        raise DataError(f"{path}: cannot be loaded: {first_line(error)}") from error
    if session.get_providers()[0] != provider:
        raise UsageError(f"--device {device}: {provider} cannot be started here, see onnxruntime's requirements")
    inputs = session.get_inputs()
    if len(inputs) != 1 or inputs[0].type not in _TYPES or len(inputs[0].shape) != 4:
        got = ", ".join(f"{each.name} {each.type} {each.shape}" for each in inputs)
        raise DataError(f"{path}: expected one input of pixels (images, 3, height, width) in floats, got {got}")
    batch, *rest = inputs[0].shape
    for expected, got in zip((3, how.height, how.width), rest, strict=True):
        if isinstance(got, int) and got != expected:
            raise DataError(f"{path}: expected pixels (images, 3, {how.height}, {how.width}), got {inputs[0].shape}")
    output, first_token = _output(path, session.get_outputs(), tensor)
    fixed = batch if isinstance(batch, int) else None
    return OnnxModel(path, session, inputs[0].name, _TYPES[inputs[0].type], output, first_token, fixed)


def _output(path: Path, outputs: list[Any], tensor: str | None) -> tuple[str, bool]:
    """Find the output to take, and whether its first token is meant."""
    known = {each.name + (_CLASS if len(each.shape) == 3 else ""): each for each in outputs}
    if tensor is None and len(known) == 1:
        tensor = next(iter(known))
    if tensor not in known:
        listed = ", ".join(repr(name) for name in known)
        said = "which of its outputs is the embedding?" if tensor is None else f"has no output {tensor!r}"
        hint = "" if tensor is None else did_you_mean(tensor, known)
        raise UsageError(f"{path}: {said}{hint}; name one with --tensor: {listed}")
    return known[tensor].name, len(known[tensor].shape) == 3

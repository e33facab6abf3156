"""Engines: what runs a network file.

An engine owns its input buffer. The caller fills `inputs[i]` with an 8-bit BGR crop, calls `infer`
and reads the outputs before the next call:

    engine.inputs[0] = crop
    landmarks, presence, world = engine.infer(1)

Conversion to RGB floats is part of the compiled network, so that Python never touches a pixel.
Only the outputs asked for are computed: the parts of the network behind the others are cut off.

The precision "auto" is bf16 on a processor that computes in it, else f32; what was chosen is in
`facts`, and never changes silently.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from stage.errors import NetworkError

ByteArray = npt.NDArray[np.uint8]
Float32Array = npt.NDArray[np.float32]


class Normalisation(NamedTuple):
    """How 8-bit pixels become the network's numbers: (value - mean) / scale, per channel."""

    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    scale: tuple[float, float, float] = (255.0, 255.0, 255.0)
    rgb: bool = True
    """Channel order the network expects, and the order of `mean` and `scale`; False is BGR."""
    channels_first: bool = False
    """Layout of the network's input: (1, 3, H, W) instead of (1, H, W, 3)."""


class Engine(Protocol):
    """Runs one network on batches of crops."""

    inputs: ByteArray
    """uint8 (batch, H, W, 3), BGR: filled by the caller."""
    facts: dict[str, str]
    """What an operator may ask: engine, device, precision, threads."""

    def infer(self, count: int) -> tuple[Float32Array, ...]:
        """Outputs of the first `count` crops, each (count, ...); valid until the next call."""
        ...

    @property
    def ms_per_crop(self) -> float:
        """Running mean of the time of one crop; 0 before the first."""
        ...


class OpenVinoEngine:
    """Runs `.tflite` and ONNX files on the CPU by OpenVINO, crop after crop.

    Crops go through one by one: for the pose network on one thread a batch of four gains 10 % of
    throughput but makes the first frame wait for the last.
    """

    def __init__(
        self,
        path: Path,
        outputs: Sequence[int],
        normalisation: Normalisation,
        *,
        batch: int = 1,
        threads: int = 1,
        precision: str = "auto",
    ) -> None:
        """Read, check and compile the network.

        Args:
            path: The network file.
            outputs: Indices of the network's outputs to compute, in the order `infer` gives them.
            normalisation: How pixels become numbers.
            batch: How many crops `inputs` holds.
            threads: Threads of this engine.
            precision: "auto", "bf16" or "f32".

        Raises:
            NetworkError: The file is missing, corrupt, or not of this form.
        """
        if not path.is_file():
            raise NetworkError(f"no network file {path}; run `stage models`, or mend the path")
        import openvino as ov  # noqa: PLC0415  (0.3 s; only who runs networks pays for it)

        core = ov.Core()
        if precision == "auto":
            precision = "bf16" if "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES") else "f32"
        try:
            model = _prepared(ov, core.read_model(str(path)), path, outputs, normalisation)
            options = {
                "INFERENCE_NUM_THREADS": threads,
                "NUM_STREAMS": 1,
                "INFERENCE_PRECISION_HINT": precision,
            }
            compiled = core.compile_model(model, "CPU", options)
            self._request = compiled.create_infer_request()
        except RuntimeError as error:
            raise NetworkError(f"{path} is not a network OpenVINO can run: {_last_line(error)}") from error
        _, height, width, _ = tuple(compiled.input(0).shape)
        self.inputs = np.zeros((batch, height, width, 3), np.uint8)
        self._tensors = [ov.Tensor(self.inputs[i : i + 1], shared_memory=True) for i in range(batch)]
        self._outputs = tuple(
            np.zeros((batch, *tuple(compiled.output(i).shape)[1:]), np.float32) for i in range(len(outputs))
        )
        self._views = [self._request.get_output_tensor(i).data for i in range(len(outputs))]
        self._mean_ms = 0.0
        version = ov.get_version().split("-")[0]
        self.facts = {
            "engine": f"openvino {version}",
            "device": f"cpu ({platform.machine()})",
            "precision": precision,
            "threads": str(threads),
        }

    def infer(self, count: int) -> tuple[Float32Array, ...]:
        """Outputs of the first `count` crops, each (count, ...); valid until the next call."""
        for i in range(count):
            begin = time.perf_counter()
            self._request.set_input_tensor(self._tensors[i])
            self._request.infer()
            for out, view in zip(self._outputs, self._views, strict=True):
                out[i] = view[0]
            took_ms = (time.perf_counter() - begin) * 1e3
            self._mean_ms = took_ms if self._mean_ms == 0.0 else 0.98 * self._mean_ms + 0.02 * took_ms
        return tuple(out[:count] for out in self._outputs)

    @property
    def ms_per_crop(self) -> float:
        """Running mean of the time of one crop; 0 before the first."""
        return self._mean_ms


def _prepared(ov: Any, model: Any, path: Path, outputs: Sequence[int], normalisation: Normalisation) -> Any:
    """Cut the unused outputs off and put the conversion of pixels in front."""
    results, parameters = model.get_results(), model.get_parameters()
    if len(parameters) != 1 or max(outputs) >= len(results):
        raise NetworkError(
            f"{path} has {len(parameters)} inputs and {len(results)} outputs; "
            f"expected 1 input and at least {max(outputs) + 1} outputs"
        )
    model = ov.Model([results[i] for i in outputs], parameters)
    shape = model.input(0).partial_shape
    channel_axis = 1 if normalisation.channels_first else 3
    if shape.rank.is_dynamic or shape.rank.get_length() != 4 or shape[channel_axis].is_dynamic:  # noqa: PLR2004
        raise NetworkError(f"{path} has an input of shape {shape}; expected one batch of images")
    if shape[channel_axis].get_length() != 3:  # noqa: PLR2004
        raise NetworkError(f"{path} has an input of shape {shape}; expected 3 channels on axis {channel_axis}")
    if shape[0].is_dynamic:
        shape[0] = 1
        model.reshape(shape)
    steps = ov.preprocess.PrePostProcessor(model)
    colour = ov.preprocess.ColorFormat
    steps.input().tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC")).set_color_format(colour.BGR)
    steps.input().model().set_layout(ov.Layout("NCHW" if normalisation.channels_first else "NHWC"))
    convert = steps.input().preprocess().convert_element_type(ov.Type.f32)
    if normalisation.rgb:
        convert = convert.convert_color(colour.RGB)
    convert.mean(list(normalisation.mean)).scale(list(normalisation.scale))
    return steps.build()


def _last_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip() != ""]
    return lines[-1] if len(lines) > 0 else type(error).__name__

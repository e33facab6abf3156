"""Engines: what runs a network file.

An engine owns its input buffer. The caller fills `inputs[i]` with 8-bit BGR crops, calls `infer`
and reads the outputs before the next call:

    engine.inputs[0] = crop
    landmarks, presence, world = engine.infer(1)

Conversion to RGB floats is part of the compiled network, so that Python never touches a pixel.
Only the outputs asked for are computed: the parts of the network behind the others are cut off.

The precision "auto" is bf16 on a processor that computes in it, else f32; what was chosen is in
`facts`, and never changes silently.

Crops of one call run beside each other, one thread each. Measured on two cores with the pose
network, four crops: one after the other on one thread 22.1 ms, as one batch 20.3; on two threads
each crop split 26, a batch split 17.9, and two crops side by side 10.6.
"""

from __future__ import annotations

import functools
import platform
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from stage.errors import NetworkError
from stage.networks.custom_ops import read_with_custom_ops


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

    inputs: npt.NDArray[np.uint8]
    """uint8 (batch, H, W, 3), BGR: filled by the caller."""

    def infer(self, count: int) -> tuple[npt.NDArray[np.float32], ...]:
        """Outputs of the first `count` crops, each (count, ...); valid until the next call."""
        ...

    @property
    def facts(self) -> dict[str, str]:
        """What an operator may ask: engine, device, precision, threads, time per crop."""
        ...


@functools.cache
def openvino_core() -> Any:
    """The one OpenVINO core of this process, kept until it ends.

    Its CPU plugin exchanges the stack that signals are handled on, and gives back the one it found when it is
    unloaded. Two cores unloaded in the order of their creation leave the freed stack of the first in place,
    and the next signal ends the process.
    """
    import openvino as ov

    return ov.Core()


class OpenVinoEngine:
    """Runs `.tflite` and ONNX files on the CPU."""

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
            threads: Crops that run beside each other, on a thread each.
            precision: "auto", "bf16" or "f32".

        Raises:
            NetworkError: The file is missing, corrupt, or not of this form.
        """
        import openvino as ov

        core = openvino_core()
        if precision == "auto":
            precision = "bf16" if "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES") else "f32"
        model = read_graph(path, outputs, normalisation)
        options = {
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": threads,
            # Every worker would pin its threads to the same first cores.
            "ENABLE_CPU_PINNING": False,
            "INFERENCE_PRECISION_HINT": precision,
        }
        try:
            compiled = core.compile_model(_with_pixels(model, normalisation), "CPU", options)
        except RuntimeError as error:
            raise NetworkError(f"OpenVINO cannot run {path}: {_last_line(error)}") from error
        _, height, width, _ = tuple(compiled.input(0).shape)
        self.inputs = np.zeros((batch, height, width, 3), np.uint8)
        shapes = [tuple(compiled.output(i).shape) for i in range(len(outputs))]
        self._outputs = tuple(np.zeros((batch, *shape[1:]), np.float32) for shape in shapes)
        self._requests = [compiled.create_infer_request() for _ in range(batch)]
        for i, request in enumerate(self._requests):
            request.set_input_tensor(ov.Tensor(self.inputs[i : i + 1], shared_memory=True))
            for k, output in enumerate(self._outputs):
                request.set_output_tensor(k, ov.Tensor(output[i : i + 1], shared_memory=True))
        self._threads = threads
        self._ms_per_crop = 0.0
        self._facts = {
            "engine": f"openvino {ov.get_version().split('-')[0]}",
            "device": f"cpu {platform.machine()}",
            "precision": precision,
            "threads": str(threads),
        }

    def infer(self, count: int) -> tuple[npt.NDArray[np.float32], ...]:
        """Outputs of the first `count` crops, each (count, ...); valid until the next call."""
        begin = time.perf_counter()
        if count == 1 or self._threads == 1:
            for request in self._requests[:count]:
                request.infer()
        else:
            for request in self._requests[:count]:
                request.start_async()
            for request in self._requests[:count]:
                request.wait()
        self._ms_per_crop = running_mean(self._ms_per_crop, (time.perf_counter() - begin) * 1e3 / count)
        return tuple(output[:count] for output in self._outputs)

    @property
    def facts(self) -> dict[str, str]:
        """Engine, device, precision, threads, time per crop."""
        return {**self._facts, "ms per crop": f"{self._ms_per_crop:.1f}"}


def running_mean(mean: float, value: float) -> float:
    """The mean of about the last fifty values; a mean of 0 starts anew."""
    return value if mean == 0.0 else 0.98 * mean + 0.02 * value


def read_graph(path: Path, outputs: Sequence[int], normalisation: Normalisation) -> Any:
    """Read a network with OpenVINO, check its form, and cut off what is behind the unused outputs.

    Returns:
        An `openvino.Model` with one float input, (1, H, W, 3) or (1, 3, H, W), and the outputs in order.

    Raises:
        NetworkError: The file is missing, corrupt, or not of this form.
    """
    import openvino as ov

    if not path.is_file():
        raise NetworkError(f"no network file {path}; run `stage models`, or mend the path in stage.toml")
    try:
        whole = _read(path)
        _check_form(whole, path, outputs, normalisation)
        make_model: Any = ov.Model  # its type hints refuse what its documentation asks for
        results = whole.get_results()
        model = make_model([results[i] for i in outputs], whole.get_parameters())
        shape = model.input(0).partial_shape
        if shape[0].is_dynamic:
            shape[0] = 1
            model.reshape(shape)
        return model
    except RuntimeError as error:
        raise NetworkError(f"{path} is not a network OpenVINO can read: {_last_line(error)}") from error


def _read(path: Path) -> Any:
    """The whole network; one with operations of MediaPipe's own is completed with them."""
    try:
        return openvino_core().read_model(str(path))
    except RuntimeError as error:
        if path.suffix != ".tflite" or "No translator found" not in str(error):
            raise
        return read_with_custom_ops(path)


def _check_form(model: Any, path: Path, outputs: Sequence[int], normalisation: Normalisation) -> None:
    if len(model.inputs) != 1 or max(outputs) >= len(model.outputs):
        raise NetworkError(
            f"{path} has {len(model.inputs)} inputs and {len(model.outputs)} outputs; "
            f"expected 1 input and at least {max(outputs) + 1} outputs"
        )
    shape = model.input(0).partial_shape
    channels = 1 if normalisation.channels_first else 3
    fits = shape.rank.is_static and shape.rank.get_length() == 4
    if not fits or shape[channels].is_dynamic or shape[channels].get_length() != 3:
        layout = "(1, 3, H, W)" if normalisation.channels_first else "(1, H, W, 3)"
        raise NetworkError(f"{path} takes an input of shape {shape}; expected {layout}")


def _with_pixels(model: Any, normalisation: Normalisation) -> Any:
    """Put the conversion of pixels in front: the input becomes uint8 (1, H, W, 3) BGR."""
    import openvino as ov

    steps = ov.preprocess.PrePostProcessor(model)
    colour = ov.preprocess.ColorFormat
    pixels = steps.input().tensor()
    pixels.set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC")).set_color_format(colour.BGR)
    steps.input().model().set_layout(ov.Layout("NCHW" if normalisation.channels_first else "NHWC"))
    convert = steps.input().preprocess().convert_element_type(ov.Type.f32)
    if normalisation.rgb:
        convert = convert.convert_color(colour.RGB)
    convert.mean(list(normalisation.mean)).scale(list(normalisation.scale))
    for k in range(len(model.outputs)):
        steps.output(k).tensor().set_element_type(ov.Type.f32)
    return steps.build()


def _last_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip() != ""]
    return lines[-1] if len(lines) > 0 else type(error).__name__

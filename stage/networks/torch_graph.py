"""A network graph run by torch, whatever file it came from.

OpenVINO reads `.tflite` and ONNX files into one small set of operations. Here each of them becomes
a torch call, so that the same network file runs wherever torch runs, on a GPU above all. What
depends on constants only is computed once, at the start. The batch is free: where the file has
written its own batch of 1 into a reshape, the true one is put in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from stage.errors import NetworkError

Call = Callable[..., Tensor]

_SMALL_OUTPUT = 1024
"""Convolutions to fewer numbers than this are heads: their outputs are coordinates, for which bf16 is too coarse."""


class _Step(NamedTuple):
    call: Call
    inputs: tuple[str, ...]
    output: str
    done: tuple[str, ...]
    """Values that nobody needs after this step."""


class TorchGraph:
    """A network as a sequence of torch calls."""

    def __init__(self, model: Any, device: torch.device, dtype: torch.dtype) -> None:
        """Translate an `openvino.Model` with one input.

        Args:
            model: The network, outputs in the order wanted.
            device: Where to run.
            dtype: Type of the large convolutions; everything else is float32.

        Raises:
            NetworkError: The network has an operation that is not known here.
        """
        self._constants: dict[str, Tensor] = {}
        self._input = model.get_parameters()[0].get_friendly_name()
        self._outputs = [_source(result.inputs()[0]) for result in model.get_results()]
        calls: list[tuple[Call, tuple[str, ...], str]] = []
        for node in model.get_ordered_ops():
            kind, name = node.get_type_name(), node.get_friendly_name()
            inputs = tuple(_source(port) for port in node.inputs())
            if kind == "Constant":
                self._constants[name] = torch.from_numpy(np.array(node.data))
            elif kind not in ("Parameter", "Result"):
                call = _translated(kind, node, dtype)
                if all(source in self._constants for source in inputs):
                    self._constants[name] = call(*(self._constants[source] for source in inputs))
                else:
                    calls.append((call, inputs, name))
        self._steps = _with_ends(calls, self._outputs)
        needed = {source for step in self._steps for source in step.inputs} | set(self._outputs)
        # Shapes, axes and sizes stay on the host, where the calls read them.
        self._constants = {
            name: value.to(device) if value.is_floating_point() else value
            for name, value in self._constants.items()
            if name in needed
        }

    def __call__(self, images: Tensor) -> list[Tensor]:
        """Outputs for a batch of normalised images, float32, in the layout of the network."""
        values: dict[str, Tensor] = {**self._constants, self._input: images}
        for step in self._steps:
            values[step.output] = step.call(*(values[source] for source in step.inputs))
            for source in step.done:
                del values[source]
        return [values[name].float() for name in self._outputs]


def _source(port: Any) -> str:
    output = port.get_source_output()
    if output.get_index() != 0:
        raise NetworkError(f"torch engine: operation with several outputs ({output.get_node().get_type_name()})")
    return output.get_node().get_friendly_name()


def _with_ends(calls: Sequence[tuple[Call, tuple[str, ...], str]], outputs: Sequence[str]) -> list[_Step]:
    """Note at each step which values are used there for the last time."""
    made = {output for _, _, output in calls}
    steps: list[_Step] = []
    later = set(outputs)
    for call, inputs, output in reversed(calls):
        done = tuple(source for source in dict.fromkeys(inputs) if source in made and source not in later)
        later.update(inputs)
        steps.append(_Step(call, inputs, output, done))
    return steps[::-1]


def _translated(kind: str, node: Any, dtype: torch.dtype) -> Call:
    attributes = node.get_attributes()
    if kind in ("Convolution", "GroupConvolution"):
        small = int(np.prod(tuple(node.output(0).shape))) < _SMALL_OUTPUT
        return _convolution(attributes, kind == "GroupConvolution", torch.float32 if small else dtype)
    if kind in _PLAIN:
        return _PLAIN[kind]
    if kind in _BUILT:
        return _BUILT[kind](attributes)
    raise NetworkError(f'the torch engine does not know the operation {kind}; set body.engine = "openvino"')


def _convolution(attributes: dict[str, Any], grouped: bool, dtype: torch.dtype) -> Call:
    (top, left), (bottom, right) = attributes["pads_begin"], attributes["pads_end"]
    stride, dilation = tuple(attributes["strides"]), tuple(attributes["dilations"])

    def convolve(x: Tensor, weights: Tensor) -> Tensor:
        groups = weights.shape[0] if grouped else 1
        kernel = weights.flatten(0, 1) if grouped else weights
        if (top, left) != (bottom, right):
            x = functional.pad(x, (left, right, top, bottom))
        padding = (top, left) if (top, left) == (bottom, right) else 0
        y = functional.conv2d(x.to(dtype), kernel.to(dtype), None, stride, padding, dilation, groups)
        return y.float()

    return convolve


def _integers(values: Tensor) -> list[int]:
    return [int(value) for value in values.reshape(-1).tolist()]


def _pad(attributes: dict[str, Any]) -> Call:
    def pad(x: Tensor, begin: Tensor, end: Tensor, value: Tensor | None = None) -> Tensor:
        pairs = zip(reversed(_integers(begin)), reversed(_integers(end)), strict=True)
        mode = "constant" if attributes["pad_mode"] == "constant" else attributes["pad_mode"]
        widths = [width for pair in pairs for width in pair]
        return functional.pad(x, widths, mode, float(value) if value is not None and mode == "constant" else None)

    return pad


def _clamp(attributes: dict[str, Any]) -> Call:
    return lambda x: x.clamp(float(attributes["min"]), float(attributes["max"]))


def _reshape(x: Tensor, shape: Tensor) -> Tensor:
    sizes = _integers(shape)
    sizes = [x.shape[axis] if size == 0 else size for axis, size in enumerate(sizes)]
    if sizes[0] == 1 and x.shape[0] > 1:
        sizes[0] = x.shape[0]  # the file's own batch
    return x.reshape(sizes)


def _unsqueeze(x: Tensor, axes: Tensor) -> Tensor:
    result = x
    rank = x.ndim + axes.numel()
    for axis in sorted(axis % rank for axis in _integers(axes)):
        result = result.unsqueeze(axis)
    return result


def _convert(attributes: dict[str, Any]) -> Call:
    floating = attributes["destination_type"] in ("f16", "f32", "f64", "bf16")
    return lambda x: x.float() if floating else x.long()


def _interpolate(attributes: dict[str, Any]) -> Call:
    corners = attributes["coordinate_transformation_mode"] == "align_corners"
    linear = attributes["mode"] in ("linear", "linear_onnx")
    if not linear or attributes["shape_calculation_mode"] != "sizes":
        raise NetworkError('the torch engine does not know this way to resize; set body.engine = "openvino"')

    def resize(x: Tensor, sizes: Tensor, axes: Tensor) -> Tensor:
        moved = x.movedim(_integers(axes), (-2, -1))
        resized = functional.interpolate(moved, _integers(sizes), mode="bilinear", align_corners=corners)
        return resized.movedim((-2, -1), _integers(axes))

    return resize


def _max_pool(attributes: dict[str, Any]) -> Call:
    (top, left), (bottom, right) = attributes["pads_begin"], attributes["pads_end"]

    def pool(x: Tensor) -> Tensor:
        padded = functional.pad(x, (left, right, top, bottom), value=float("-inf"))
        return functional.max_pool2d(padded, tuple(attributes["kernel"]), tuple(attributes["strides"]))

    return pool


def _depth_to_space(attributes: dict[str, Any]) -> Call:
    block, blocks_first = int(attributes["block_size"]), attributes["mode"] == "blocks_first"

    def spread(x: Tensor) -> Tensor:
        n, depth, height, width = x.shape
        if not blocks_first:
            return functional.pixel_shuffle(x, block)
        parts = x.reshape(n, block, block, depth // block**2, height, width).permute(0, 3, 4, 1, 5, 2)
        return parts.reshape(n, depth // block**2, height * block, width * block)

    return spread


def _matmul(attributes: dict[str, Any]) -> Call:
    def multiply(a: Tensor, b: Tensor) -> Tensor:
        left = a.transpose(-1, -2) if attributes["transpose_a"] else a
        right = b.transpose(-1, -2) if attributes["transpose_b"] else b
        return left @ right

    return multiply


_PLAIN: dict[str, Call] = {
    "Add": torch.add,
    "Subtract": torch.sub,
    "Multiply": torch.mul,
    "Divide": torch.div,
    "Sigmoid": torch.sigmoid,
    "Relu": torch.relu,
    "HSwish": functional.hardswish,
    "HSigmoid": functional.hardsigmoid,
    "PRelu": lambda x, slope: torch.where(x > 0, x, x * slope),
    "Transpose": lambda x, order: x.permute(_integers(order)),
    "Reshape": _reshape,
    "Unsqueeze": _unsqueeze,
}

_BUILT: dict[str, Callable[[dict[str, Any]], Call]] = {
    "Convert": _convert,
    "Pad": _pad,
    "Clamp": _clamp,
    "Interpolate": _interpolate,
    "MaxPool": _max_pool,
    "DepthToSpace": _depth_to_space,
    "MatMul": _matmul,
    "Concat": lambda attributes: lambda *parts: torch.cat(parts, int(attributes["axis"])),
    "ReduceMean": lambda attributes: lambda x, axes: x.mean(_integers(axes), bool(attributes["keep_dims"])),
    "SoftMax": lambda attributes: lambda x: x.softmax(int(attributes["axis"])),
}

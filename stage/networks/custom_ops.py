"""Reading `.tflite` files with MediaPipe's own operations, which OpenVINO does not know.

The face network with attention looks at lips and eyes again inside of itself. Three operations do it:

    Landmarks2TransformMatrix   points (1, n, 3) -> (1, 4, 4): from the pixels of a small square about some of the
                                points, turned upright by two of them, to the features' pixels
    TransformTensorBilinear     features (1, H, W, C), matrix -> (1, 16, 16, C): that square, bilinear
    TransformLandmarks          points (1, n, 2), matrix -> (1, n, 2): back from the square

OpenVINO reads everything else and leaves these as nodes to be filled in; here they are, of its own operations.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from stage.errors import NetworkError

LIPS = (
    61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 185, 40, 39, 37, 0, 267, 269, 270, 409, 78, 95, 88, 178, 87,
    14, 317, 402, 318, 324, 308, 191, 80, 81, 82, 13, 312, 311, 310, 415, 76, 77, 90, 180, 85, 16, 315, 404, 320,
    307, 306, 184, 74, 73, 72, 11, 302, 303, 304, 408, 62, 96, 89, 179, 86, 15, 316, 403, 319, 325, 292, 183, 42,
    41, 38, 12, 268, 271, 272, 407,
)  # fmt: skip
"""The points that the network refines, among the 468, in the order in which it gives them: about the mouth,"""
RIGHT_EYE = (
    33, 7, 163, 144, 145, 153, 154, 155, 133, 246, 161, 160, 159, 158, 157, 173, 130, 25, 110, 24, 23, 22, 26, 112,
    243, 247, 30, 29, 27, 28, 56, 190, 226, 31, 228, 229, 230, 231, 232, 233, 244, 113, 225, 224, 223, 222, 221,
    189, 35, 124, 46, 53, 52, 65, 143, 111, 117, 118, 119, 120, 121, 128, 245, 156, 70, 63, 105, 66, 107, 55, 193,
)  # fmt: skip
"""about the performer's right eye and brow,"""
LEFT_EYE = (
    263, 249, 390, 373, 374, 380, 381, 382, 362, 466, 388, 387, 386, 385, 384, 398, 359, 255, 339, 254, 253, 252,
    256, 341, 463, 467, 260, 259, 257, 258, 286, 414, 446, 261, 448, 449, 450, 451, 452, 453, 464, 342, 445, 444,
    443, 442, 441, 413, 265, 353, 276, 283, 282, 295, 372, 340, 346, 347, 348, 349, 350, 357, 465, 383, 300, 293,
    334, 296, 336, 285, 417,
)  # fmt: skip
"""and about the left one."""

_SUBSETS = ((LIPS, 61, 291), (RIGHT_EYE, 33, 133), (LEFT_EYE, 362, 263))
"""Of each square the points it holds, and the left and right one in the picture that it is turned by, in file order."""
_SIDE, _EXPANSION = 16, 1.5
_UNKNOWN = "TFFrameworkNode"


def read_with_custom_ops(path: Path) -> Any:
    """An `openvino.Model` of a `.tflite` file with the operations above.

    Raises:
        NetworkError: It has others that OpenVINO does not know.
    """
    from openvino.frontend import FrontEndManager

    front = FrontEndManager().load_by_framework("tflite")
    model = front.convert_partially(front.load(str(path)))
    unknown = [node for node in model.get_ops() if node.get_type_name() == _UNKNOWN]
    makers = sorted((n for n in unknown if n.get_input_size() == 1), key=lambda node: int(node.get_friendly_name()))
    if len(makers) != len(_SUBSETS):
        raise NetworkError(f"{path} has operations that OpenVINO does not know; give it as ONNX")
    for node, (subset, left, right) in zip(makers, _SUBSETS, strict=True):
        node.output(0).replace(_matrix(node.input_value(0), subset, left, right).output(0))
    for node in unknown:
        if node.get_input_size() == 2:
            values, matrix = node.input_value(0), node.input_value(1)
            made = _square if len(values.get_partial_shape()) == 4 else _placed
            node.output(0).replace(made(values, *_affine(matrix)).output(0))
    model.validate_nodes_and_infer_types()
    return model


def _matrix(landmarks: Any, subset: tuple[int, ...], left: int, right: int) -> Any:
    """(1, 4, 4) from pixels of the square to those of the features, of landmarks (1, n, 3)."""
    op = _ops()
    xy = op.gather(op.gather(landmarks, _i64(0), _i64(0)), _i64([0, 1]), _i64(1))
    across = op.subtract(op.gather(xy, _i64(right), _i64(0)), op.gather(xy, _i64(left), _i64(0)))
    across = op.divide(across, op.sqrt(op.reduce_sum(op.multiply(across, across), _i64([0]), True)))
    c, s = (op.gather(across, _i64([k]), _i64(0)) for k in range(2))
    R = op.reshape(op.concat([c, op.negative(s), s, c], 0), _i64([2, 2]), False)
    upright = op.matmul(op.gather(xy, _i64(list(subset)), _i64(0)), R, False, False)
    high, low = op.reduce_max(upright, _i64([0]), True), op.reduce_min(upright, _i64([0]), True)
    center = op.matmul(op.multiply(op.add(high, low), _f32(0.5)), R, False, True)
    A = op.multiply(R, op.multiply(op.subtract(high, low), _f32(_EXPANSION / _SIDE)))
    t = op.subtract(center, op.matmul(_f32([[_SIDE / 2, _SIDE / 2]]), A, False, True))
    top = op.concat([A, _f32(np.zeros((2, 1))), op.transpose(t, _i64([1, 0]))], 1)
    return op.unsqueeze(op.concat([top, _f32([[0, 0, 1, 0], [0, 0, 0, 1]])], 0), _i64(0))


def _affine(matrix: Any) -> tuple[Any, Any]:
    """A (2, 2) and t (1, 2) of a matrix (1, 4, 4)."""
    op = _ops()
    rows = op.gather(op.gather(matrix, _i64(0), _i64(0)), _i64([0, 1]), _i64(0))
    return op.gather(rows, _i64([0, 1]), _i64(1)), op.transpose(op.gather(rows, _i64([3]), _i64(1)), _i64([1, 0]))


def _square(features: Any, A: Any, t: Any) -> Any:
    """(1, 16, 16, C) of features (1, H, H, C): pixel i of the square covers [i, i + 1)."""
    op = _ops()
    side = features.get_partial_shape()[1].get_length()
    y, x = np.mgrid[0:_SIDE, 0:_SIDE]
    pixels = _f32(np.stack([x, y], -1).reshape(-1, 2) + 0.5)
    at = op.subtract(op.add(op.matmul(pixels, A, False, True), t), _f32(0.5))
    grid = op.subtract(op.multiply(at, _f32(2.0 / (side - 1))), _f32(1.0))
    grid = op.reshape(grid, _i64([1, _SIDE, _SIDE, 2]), False)
    options = {"align_corners": True, "mode": "bilinear", "padding_mode": "zeros"}
    sampled = op.grid_sample(op.transpose(features, _i64([0, 3, 1, 2])), grid, options)
    return op.transpose(sampled, _i64([0, 2, 3, 1]))


def _placed(points: Any, A: Any, t: Any) -> Any:
    """(1, n, 2) of points (1, n, 2) in the square."""
    op = _ops()
    return op.add(op.matmul(points, A, False, True), t)


def _ops() -> Any:
    from openvino import opset13

    return opset13


def _f32(values: Any) -> Any:
    return _ops().constant(np.asarray(values, np.float32))


def _i64(values: Any) -> Any:
    return _ops().constant(np.asarray(values, np.int64))

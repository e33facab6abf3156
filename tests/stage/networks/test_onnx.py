"""Tiny ONNX networks that see one bright spot: every point of theirs lies on it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from stage.config import BodySection
from stage.errors import NetworkError
from stage.networks.landmarks import Crop
from stage.networks.load import load_landmark_network
from stage.networks.onnx import read_description
from stage.networks.regions import Circle, Region

onnx = pytest.importorskip("onnx")

WIDTH, HEIGHT = 48, 64
NAMES = ["nose", "left_shoulder", "right_shoulder", "left_hip", "right_hip", ""]
K = len(NAMES)

Nodes = tuple[list, list, dict[str, np.ndarray]]
"""Nodes, outputs and constants of a graph."""


def simcc() -> Nodes:
    """The brightest column and row of the image, in bins of half a pixel."""
    h = onnx.helper
    nodes = [
        h.make_node("ReduceMax", ["image", "axes_x"], ["x"], keepdims=0),  # (1, W)
        h.make_node("ReduceMax", ["image", "axes_y"], ["y"], keepdims=0),  # (1, H)
        h.make_node("MatMul", ["x", "twice_x"], ["xx"]),
        h.make_node("MatMul", ["y", "twice_y"], ["yy"]),
        h.make_node("Unsqueeze", ["xx", "one"], ["xxx"]),
        h.make_node("Unsqueeze", ["yy", "one"], ["yyy"]),
        h.make_node("Expand", ["xxx", "shape_x"], ["simcc_x"]),
        h.make_node("Expand", ["yyy", "shape_y"], ["simcc_y"]),
    ]
    outputs = [("simcc_x", [1, K, 2 * WIDTH]), ("simcc_y", [1, K, 2 * HEIGHT])]
    constants = {
        "axes_x": np.array([1, 2]),
        "axes_y": np.array([1, 3]),
        "one": np.array([1]),
        "twice_x": _half_bins(WIDTH),
        "twice_y": _half_bins(HEIGHT),
        "shape_x": np.array([1, K, 2 * WIDTH]),
        "shape_y": np.array([1, K, 2 * HEIGHT]),
    }
    return nodes, outputs, constants


def _half_bins(n: int) -> np.ndarray:
    """(n, 2 n): linear interpolation between pixels."""
    matrix = np.zeros((n, 2 * n), np.float32)
    for k in range(n):
        matrix[k, 2 * k] = 1.0
        matrix[k, 2 * k + 1] = 0.5
        matrix[k, max(2 * k - 1, 0)] = max(0.5, matrix[k, max(2 * k - 1, 0)])
    return matrix


def heatmap() -> Nodes:
    """The brightness of every fourth pixel of a map that spans the image."""
    h = onnx.helper
    nodes = [
        h.make_node("ReduceMean", ["image", "channels"], ["grey"], keepdims=1),
        h.make_node(
            "Resize", ["grey", "", "", "size"], ["map"], mode="linear", coordinate_transformation_mode="align_corners"
        ),
        h.make_node("Expand", ["map", "shape"], ["heat"]),
    ]
    constants = {
        "channels": np.array([1]),
        "size": np.array([1, 1, HEIGHT // 4, WIDTH // 4]),
        "shape": np.array([1, K, HEIGHT // 4, WIDTH // 4]),
    }
    return nodes, [("heat", [1, K, HEIGHT // 4, WIDTH // 4])], constants


def coordinates() -> Nodes:
    """The mean place of all light."""
    h = onnx.helper
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    places = np.stack([x.ravel(), y.ravel(), np.ones(WIDTH * HEIGHT, np.float32)], axis=1)
    nodes = [
        h.make_node("ReduceMean", ["image", "channels"], ["grey"], keepdims=0),
        h.make_node("Reshape", ["grey", "flat"], ["row"]),
        h.make_node("ReduceSum", ["row", "last"], ["light"], keepdims=1),
        h.make_node("Add", ["light", "little"], ["some"]),
        h.make_node("Div", ["row", "some"], ["mass"]),
        h.make_node("MatMul", ["mass", "places"], ["mean"]),
        h.make_node("Expand", ["mean", "shape"], ["points"]),
    ]
    constants = {
        "channels": np.array([1]),
        "flat": np.array([1, 1, WIDTH * HEIGHT]),
        "last": np.array([2]),
        "little": np.array([1e-9], np.float32),
        "places": places,
        "shape": np.array([1, K, 3]),
    }
    return nodes, [("points", [1, K, 3])], constants


BUILDERS: dict[str, Callable[[], Nodes]] = {"simcc": simcc, "heatmap": heatmap, "coordinates": coordinates}


def make_network(folder: Path, decoder: str, batch: int | str = 1, **changes: object) -> Path:
    """Write an ONNX file and its description; the path of the latter."""
    nodes, outputs, constants = BUILDERS[decoder]()
    h, f32 = onnx.helper, onnx.TensorProto.FLOAT
    graph = h.make_graph(
        nodes,
        "spot",
        [h.make_tensor_value_info("image", f32, [batch, 3, HEIGHT, WIDTH])],
        [h.make_tensor_value_info(name, f32, shape) for name, shape in outputs],
        [onnx.numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    onnx.save(h.make_model(graph, opset_imports=[h.make_opsetid("", 18)], ir_version=9), str(folder / "spot.onnx"))
    keys: dict[str, object] = {
        "file": "spot.onnx",
        "width": WIDTH,
        "height": HEIGHT,
        "decoder": decoder,
        "points": NAMES,
    }
    keys |= changes
    text = "\n".join(f"{key} = {_toml(value)}" for key, value in keys.items() if value is not None)
    (folder / "spot.toml").write_text(text)
    return folder / "spot.toml"


def _toml(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(value).replace("'", '"')


def bright_spot(x: float, y: float) -> np.ndarray:
    rows, columns = np.mgrid[0:240, 0:320]
    bump = 255.0 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2.0 * 12.0**2))
    return np.repeat(bump[:, :, None], 3, axis=2).astype(np.uint8)


@pytest.mark.parametrize("decoder", ["simcc", "heatmap", "coordinates"])
@pytest.mark.parametrize("batch", [1, "n"])
def test_points_are_found_in_the_image_whatever_the_decoder(tmp_path: Path, decoder: str, batch: int | str) -> None:
    path = make_network(tmp_path, decoder, batch)
    network = load_landmark_network(BodySection(network=str(path), precision="f32"), batch=2)
    region = Region(150.0, 130.0, 144.0, 192.0, 0.0)
    spots = [(131.0, 105.0), (170.0, 160.0), (150.0, 130.0)]
    for spot, found in zip(spots, network.landmarks([Crop(bright_spot(*spot), region) for spot in spots]), strict=True):
        known = [0, 11, 12, 23, 24]
        np.testing.assert_allclose(found.points[known, :2], [spot] * 5, atol=1.5)
        assert (found.points[known, 2] > 0.5).all()
        assert (np.delete(found.points, known, axis=0) == 0.0).all()
        assert found.world is None and found.score == 1.0
    assert network.facts["precision"] == "f32"


def test_nobody_is_there_when_no_point_is_sure(tmp_path: Path) -> None:
    network = load_landmark_network(BodySection(network=str(make_network(tmp_path, "heatmap")), precision="f32"))
    dark = np.full((100, 100, 3), 20, np.uint8)
    assert network.landmarks([Crop(dark, Region(50.0, 50.0, 48.0, 64.0, 0.0))])[0].score < 0.5


def test_regions_are_upright_and_of_the_inputs_aspect(tmp_path: Path) -> None:
    network = load_landmark_network(BodySection(network=str(make_network(tmp_path, "heatmap", expansion=1.5))))
    region = network.region_of(Circle(100.0, 90.0, 30.0, -40.0))
    assert region == pytest.approx((100.0, 90.0, 112.5, 150.0, 0.0))


def test_colours_and_mean_are_those_of_the_description(tmp_path: Path) -> None:
    image = bright_spot(150.0, 130.0)
    image[:, :, :2] = 0  # red only
    region = Region(150.0, 130.0, 144.0, 192.0, 0.0)
    path = make_network(tmp_path, "heatmap", mean=[0.0, 0.0, 0.0], scale=[85.0, 1e9, 1e9], rgb=True)
    sees_red = load_landmark_network(BodySection(network=str(path), precision="f32"))
    assert sees_red.landmarks([Crop(image, region)])[0].points[0, 2] > 0.6
    path = make_network(tmp_path, "heatmap", mean=[0.0, 0.0, 0.0], scale=[85.0, 1e9, 1e9], rgb=False)
    sees_blue = load_landmark_network(BodySection(network=str(path), precision="f32"))
    assert sees_blue.landmarks([Crop(image, region)])[0].points[0, 2] < 0.01


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"file": "gone.onnx"}, r"no network file .*gone\.onnx"),
        ({"width": 64}, r"takes images of 48x64, its description says 64x64"),
        (
            {"points": NAMES[:-1]},
            r"spot\.onnx: outputs of shapes \(6, 96\), \(6, 128\).*expects \(5, 96\) and \(5, 128\)",
        ),
        ({"split": 3.0}, r"expects \(6, 144\) and \(6, 192\)"),
        ({"outputs": [0]}, r"outputs of shapes \(6, 96\) for each crop"),
        ({"outputs": [0, 5]}, r"has 1 inputs and 2 outputs; expected 1 input and at least 6 outputs"),
        ({"points": ["nos", *NAMES[1:]]}, "no landmark is named 'nos'"),
        ({"points": ["left_hip", *NAMES[1:]]}, "two points are named 'left_hip'"),
        ({"points": ["nose", "left_hip", "right_hip"]}, "lacks left_shoulder, right_shoulder"),
        ({"decoder": "magic"}, r"spot\.toml: Invalid enum value 'magic' - at `\$\.decoder`"),
        ({"witdh": 3}, r"spot\.toml: Object contains unknown field `witdh`"),
        ({"path": "x"}, "unknown key `path`"),
        ({"scale": [0.0, 1.0, 1.0]}, r"`float` > 0"),
        ({"width": None}, "missing required field `width`"),
    ],
)
def test_a_description_that_does_not_fit_is_refused(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    path = make_network(tmp_path, "simcc", 1, **{key: value for key, value in changes.items() if key != "decoder"})
    if "decoder" in changes:
        path.write_text(path.read_text().replace('"simcc"', f'"{changes["decoder"]}"'))
    with pytest.raises(NetworkError, match=message) as error:
        load_landmark_network(BodySection(network=str(path)))
    assert "\n" not in str(error.value)


def test_a_description_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match="cannot read the network description"):
        read_description(tmp_path / "gone.toml")
    (tmp_path / "bad.toml").write_bytes(b"\xff\xfe = [")
    with pytest.raises(NetworkError, match=r"bad\.toml"):
        read_description(tmp_path / "bad.toml")

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from stage.config import BodySection
from stage.errors import NetworkError
from stage.networks.engine import Normalisation, OpenVinoEngine
from stage.networks.load import load_landmark_network
from stage.networks.pose import OUTPUTS
from stage.networks.torch_engine import TorchEngine
from tests.stage.networks.test_onnx import make_network

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA"))]


def noise(count: int, size: int) -> np.ndarray:
    coarse = np.random.default_rng(3).integers(0, 255, (count, size // 16, size // 16, 3), np.uint8)
    return coarse.repeat(16, axis=1).repeat(16, axis=2)


@pytest.mark.parametrize("device", DEVICES)
def test_torch_and_openvino_see_the_same(pose_file: Path, device: str) -> None:
    images = noise(3, 256)
    reference = OpenVinoEngine(pose_file, OUTPUTS, Normalisation(), batch=3, precision="f32")
    engine = TorchEngine(pose_file, OUTPUTS, Normalisation(), batch=3, device=device, precision="f32")
    reference.inputs[:], engine.inputs[:] = images, images
    for expected, output in zip(reference.infer(3), engine.infer(3), strict=True):
        assert output.shape == expected.shape
        np.testing.assert_allclose(output, expected, atol=0.05 if device == "cpu" else 1.0)
    assert engine.facts["engine"] == f"torch {torch.__version__}" and engine.facts["precision"] == "f32"


def test_the_detector_runs_in_any_batch(detector_file: Path) -> None:
    normalisation = Normalisation((127.5, 127.5, 127.5), (127.5, 127.5, 127.5))
    images = noise(2, 224)
    reference = OpenVinoEngine(detector_file, (0, 1), normalisation, batch=2, precision="f32")
    engine = TorchEngine(detector_file, (0, 1), normalisation, batch=2, device="cpu")
    reference.inputs[:], engine.inputs[:] = images, images
    for expected, output in zip(reference.infer(2), engine.infer(2), strict=True):
        np.testing.assert_allclose(output, expected, atol=0.05)


def test_bf16_keeps_coordinates_finer_than_a_pixel(pose_file: Path) -> None:
    engine = TorchEngine(pose_file, (0,), Normalisation(), device="cpu", precision="bf16")
    engine.inputs[:] = noise(1, 256)
    points = engine.infer(1)[0].reshape(39, 5)[:, :2]
    assert len(np.unique(np.mod(points, 0.25))) > 40


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is CUDA")
def test_a_gpu_that_is_not_there_is_an_error_and_no_fallback(pose_file: Path) -> None:
    with pytest.raises(NetworkError, match="no CUDA device"):
        load_landmark_network(BodySection(engine="torch", device="cuda"))


def test_an_unknown_operation_is_named(tmp_path: Path) -> None:
    path = make_network(tmp_path, "coordinates")
    with pytest.raises(NetworkError, match="does not know the operation ReduceSum; set"):
        load_landmark_network(BodySection(network=str(path), engine="torch", device="cpu"))

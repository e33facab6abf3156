from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from stage.errors import NetworkError
from stage.networks.engine import Normalisation, OpenVinoEngine


def noise(seed: int, size: int = 256) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (size, size, 3), np.uint8)


def outputs_of(engine: OpenVinoEngine, *images: np.ndarray) -> list[np.ndarray]:
    for slot, image in zip(engine.inputs, images, strict=False):
        slot[:] = image
    return [output.copy() for output in engine.infer(len(images))]


@pytest.mark.parametrize("threads", [1, 2])
def test_a_crop_gives_the_same_alone_and_among_others(pose_file: Path, threads: int) -> None:
    one = OpenVinoEngine(pose_file, (0, 1, 4), Normalisation())
    three = OpenVinoEngine(pose_file, (0, 1, 4), Normalisation(), batch=3, threads=threads)
    together = outputs_of(three, noise(1), noise(2), noise(3))
    for k in range(3):
        for alone, output in zip(outputs_of(one, noise(k + 1)), together, strict=True):
            np.testing.assert_array_equal(alone[0], output[k])


def test_outputs_come_in_the_order_asked_for(pose_file: Path) -> None:
    engine = OpenVinoEngine(pose_file, (4, 1), Normalisation())
    assert [output.shape for output in engine.infer(1)] == [(1, 117), (1, 1)]


def test_precisions_agree_and_are_said(pose_file: Path) -> None:
    exact = OpenVinoEngine(pose_file, (0,), Normalisation(), precision="f32")
    auto = OpenVinoEngine(pose_file, (0,), Normalisation())
    assert exact.facts["precision"] == "f32" and auto.facts["precision"] in ("bf16", "f32")
    assert exact.facts["engine"].startswith("openvino ") and exact.facts["threads"] == "1"
    a, b = outputs_of(exact, noise(1))[0], outputs_of(auto, noise(1))[0]
    assert np.abs(a.reshape(39, 5)[:, :2] - b.reshape(39, 5)[:, :2]).mean() < 8.0
    assert float(exact.facts["ms per crop"]) > 0.0


def test_colours_are_converted(pose_file: Path) -> None:
    rgb = OpenVinoEngine(pose_file, (0,), Normalisation(), precision="f32")
    bgr = OpenVinoEngine(pose_file, (0,), Normalisation(rgb=False), precision="f32")
    np.testing.assert_allclose(
        outputs_of(rgb, noise(1))[0], outputs_of(bgr, noise(1)[:, :, ::-1])[0], rtol=1e-4, atol=1e-2
    )


def test_a_missing_file_is_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match=r"no network file .*gone\.tflite; run `stage models`"):
        OpenVinoEngine(tmp_path / "gone.tflite", (0,), Normalisation())


@pytest.mark.parametrize("name", ["broken.tflite", "broken.onnx"])
@pytest.mark.parametrize("content", [b"", b"not a network at all" * 50])
def test_a_corrupt_file_is_refused_in_one_line(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(NetworkError, match=name) as error:
        OpenVinoEngine(tmp_path / name, (0,), Normalisation())
    assert "\n" not in str(error.value)


def test_a_truncated_file_is_refused(tmp_path: Path, pose_file: Path) -> None:
    (tmp_path / "half.tflite").write_bytes(pose_file.read_bytes()[:2_000_000])
    with pytest.raises(NetworkError, match="half"):
        OpenVinoEngine(tmp_path / "half.tflite", (0,), Normalisation())


def test_outputs_that_do_not_exist_are_refused(pose_file: Path) -> None:
    with pytest.raises(NetworkError, match="5 outputs; expected 1 input and at least 8 outputs"):
        OpenVinoEngine(pose_file, (7,), Normalisation())


def test_another_layout_is_refused(pose_file: Path) -> None:
    with pytest.raises(NetworkError, match=r"expected \(1, 3, H, W\)"):
        OpenVinoEngine(pose_file, (0,), Normalisation(channels_first=True))

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from protocols.arrays import to_bytes
from protocols.messages import Performance, Trace
from protocols.names import RIG_BONES
from stage.config import load
from stage.errors import ResultFileError, SourceError
from stage.offline import Result, load_result, solve
from stage.offline._pictures import Recordings
from stage.synthetic.truth import load_truth
from tests.body_model import body_model

DEMO = Path(__file__).resolve().parents[3] / "recordings" / "demo"


def performance(number: int) -> Performance:
    random = np.random.default_rng(number)
    return Performance(
        "anna",
        number,
        number * 33_000_000,
        "tracking",
        to_bytes(random.normal(size=7)),
        to_bytes(random.normal(size=(53, 4))),
        to_bytes(random.normal(size=(53, 3))),
        to_bytes(random.normal(size=(53, 3))),
        to_bytes(random.uniform(size=53)),
        ("cam1",),
        Trace(0, 0, 0, 0, 0),
    )


def result_of(count: int) -> Result:
    return Result.of(RIG_BONES, [performance(i) for i in range(count)], [np.zeros((17, 3))] * count, np.zeros(20))


def test_a_result_comes_back_as_it_was(tmp_path):
    result = result_of(4)
    result.save(tmp_path / "out.npz")
    loaded = load_result(tmp_path / "out.npz")
    for name in Result.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(loaded, name), getattr(result, name))
    assert [path.name for path in tmp_path.iterdir()] == ["out.npz"]


@pytest.mark.parametrize("content", [b"", b"nonsense", b"PK\x03\x04 truncated"])
def test_a_damaged_result_is_refused(tmp_path, content):
    path = tmp_path / "out.npz"
    path.write_bytes(content)
    with pytest.raises(ResultFileError, match="cannot be read"):
        load_result(path)


def test_another_npz_is_refused_with_what_it_lacks(tmp_path):
    np.savez(tmp_path / "other.npz", names=np.zeros(3))
    with pytest.raises(ResultFileError, match="joints"):
        load_result(tmp_path / "other.npz")


def demo_of(tmp_path: Path, replaced: str = "", by: str = "") -> Path:
    """The demo's stage.toml in a folder of its own, with its recordings where they are."""
    text = (DEMO / "stage.toml").read_text()
    text = text.replace('"file:', f'"file:{DEMO}/').replace('"calibration.toml"', f'"{DEMO}/calibration.toml"')
    assert replaced in text
    (tmp_path / "stage.toml").write_text(text.replace(replaced, by))
    return tmp_path / "stage.toml"


def test_recordings_come_in_step(tmp_path):
    with Recordings(load(demo_of(tmp_path))) as recordings:
        assert set(recordings.sizes.values()) == {(480, 720), (480, 480)}
        times = []
        for tick in recordings.pictures():
            assert len(tick.frames) == (5 if len(times) % 2 == 0 else 1)  # the face camera is twice as fast
            assert all(abs(frame.pts_ns - tick.time_ns) < 1e6 for frame in tick.frames.values())
            times.append(tick.time_ns)
            if len(times) == 20:
                break
    np.testing.assert_allclose(np.diff(times), 1e9 / 60, atol=1e6)


def test_a_live_source_cannot_be_solved_offline(tmp_path):
    config = load(demo_of(tmp_path, f"file:{DEMO}/cam1.mp4", "device:0"))
    with pytest.raises(SourceError, match="live"):
        Recordings(config)


@pytest.mark.timeout(300)
def test_the_beginning_of_the_demo_is_solved_near_its_truth(tmp_path, monkeypatch):
    body_model()
    from stage.networks.store import path_of

    if not path_of("mediapipe-pose").exists():
        pytest.skip("the networks are not there; run `stage models`")
    whole = Recordings.pictures
    monkeypatch.setattr(
        Recordings, "pictures", lambda self: (tick for tick in whole(self) if tick.time_ns < 1_500_000_000)
    )
    config = load(demo_of(tmp_path))
    summary = solve(config, tmp_path / "out.npz", report=lambda _: None)
    assert summary.framesets == 45
    result = load_result(tmp_path / "out.npz")
    truth = load_truth(DEMO / "truth.npz")
    error = np.linalg.norm(result.joints - truth.joints[:45], axis=-1)
    assert set(result.state) == {"tracking"}
    assert error[5:].mean() < 0.035
    length = np.linalg.norm(result.joints[:, 46] - result.joints[:, 45], axis=-1)
    assert length.std() < 1e-6

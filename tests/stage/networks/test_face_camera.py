from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from protocols.arrays import from_bytes
from protocols.messages import FaceLandmarks
from stage.networks.face import FaceReading
from stage.networks.face_camera import PATIENCE_NS, REMEMBERED_NS, STILL_NS, FaceCameraTracker
from stage.networks.landmarks import Crop
from tests.stage.networks.scripted_close import FRAME_NS, FaceSeen, ScriptedFaces, World


class Scene:
    """A face camera with faces before it."""

    def __init__(self) -> None:
        self.world = World("close")
        self.network = ScriptedFaces(self.world)
        self.tracker = FaceCameraTracker({"close": "ann"}, self.network, self.network)
        self.frame = 0

    def show(self, *faces: FaceSeen) -> None:
        self.world.pictures["close"].faces = list(faces)

    def step(self) -> FaceLandmarks | None:
        faces = self.tracker.step(self.world.frames(self.frame))["close"]
        self.frame += 1
        return faces[0] if len(faces) > 0 else None

    def x(self) -> float | None:
        """Where the face is that is read in the next frame."""
        face = self.step()
        return None if face is None else float(from_bytes(face.points, (468, 3))[:, 0].mean())

    def pass_time(self, ns: int) -> None:
        for _ in range(ns // FRAME_NS + 1):
            self.step()


def performer(x: float = 320.0) -> FaceSeen:
    return FaceSeen(x, 240.0, 200.0)


@pytest.fixture
def scene() -> Scene:
    scene = Scene()
    scene.show(performer())
    return scene


def test_the_face_is_read_from_the_first_frame_and_the_detector_rests(scene: Scene) -> None:
    for _ in range(10):
        face = scene.step()
        assert face is not None
        assert (face.actor, face.track, face.score) == ("ann", -1, 1.0) and len(face.eyes) > 0
    assert scene.network.looks == 1


def test_a_moving_face_is_followed_without_the_detector(scene: Scene) -> None:
    for k in range(30):
        scene.show(performer(320.0 + 5.0 * k))
        assert scene.x() == pytest.approx(320.0 + 5.0 * k, abs=2.0)
    assert scene.network.looks == 1


def test_a_presence_that_falls_is_passed_on(scene: Scene) -> None:
    scene.step()
    for score in (0.8, 0.4, 0.2):
        scene.show(FaceSeen(320.0, 240.0, 200.0, score))
        face = scene.step()
        assert face is not None and face.score == pytest.approx(score)
    scene.show(FaceSeen(320.0, 240.0, 200.0, 0.05))
    assert scene.step() is None


def test_a_lost_face_is_searched_and_found_again(scene: Scene) -> None:
    scene.step()
    scene.show()
    scene.pass_time(PATIENCE_NS + FRAME_NS)
    assert scene.tracker.counters["faces_lost"] == 1 and scene.network.looks > 1
    scene.show(performer(250.0))
    assert scene.x() == pytest.approx(250.0, abs=2.0)


def test_an_empty_camera_is_not_searched_in_every_frame(scene: Scene) -> None:
    scene.show()
    scene.pass_time(5_000_000_000)
    assert scene.network.looks < 60


def test_a_poster_is_not_taken_for_the_performer_who_left(scene: Scene) -> None:
    poster = FaceSeen(560.0, 100.0, 60.0)
    scene.show(performer(), poster)
    scene.step()
    scene.show(poster)
    scene.pass_time(3_000_000_000)
    assert scene.x() is None
    scene.show(poster, performer())
    scene.pass_time(300_000_000)
    assert scene.x() == pytest.approx(320.0, abs=2.0)


def test_a_poster_that_was_followed_is_left_for_the_performer_who_returns(scene: Scene) -> None:
    poster = FaceSeen(560.0, 100.0, 60.0)
    scene.step()
    scene.show(poster)
    scene.pass_time(REMEMBERED_NS + 1_000_000_000)
    assert scene.x() == pytest.approx(560.0, abs=2.0)
    scene.pass_time(STILL_NS)
    scene.show(poster, performer())
    scene.pass_time(1_000_000_000)
    assert scene.x() == pytest.approx(320.0, abs=2.0)
    assert scene.tracker.counters["faces_left"] == 1


def test_a_living_face_is_not_left_for_a_larger_one(scene: Scene) -> None:
    for k in range(300):
        x = 200.0 + 10.0 * np.sin(0.2 * k)
        scene.show(FaceSeen(520.0, 240.0, 400.0), FaceSeen(x, 240.0, 120.0)) if k > 5 else scene.show(
            FaceSeen(x, 240.0, 120.0)
        )
        assert scene.x() == pytest.approx(x, abs=4.0)


def test_a_face_in_its_place_that_blinks_is_alive(scene: Scene) -> None:
    """On a head-mounted camera the face hardly moves; a colleague who looks in is not taken for it."""
    read = scene.network.read
    for k in range(300):
        lids = 10.0 if k % 60 < 5 else 0.0

        def blinking(crops: Sequence[Crop], eyes: bool = True, lids: float = lids) -> list[FaceReading]:
            readings = read(crops, eyes)
            for reading in readings:
                reading.points[:20, 1] += lids
            return readings

        scene.network.read = blinking  # type: ignore[method-assign]
        if k == 150:
            scene.show(FaceSeen(100.0, 240.0, 450.0), performer())
        assert scene.x() == pytest.approx(320.0, abs=2.0)
    assert scene.network.looks == 1


def test_of_two_faces_the_large_one_in_the_middle_is_taken(scene: Scene) -> None:
    scene.show(FaceSeen(60.0, 60.0, 100.0), performer(), FaceSeen(600.0, 400.0, 150.0))
    assert scene.x() == pytest.approx(320.0, abs=2.0)


def test_a_jump_is_refused(scene: Scene) -> None:
    scene.step()
    scene.show(FaceSeen(320.0 + 140.0, 240.0, 200.0))
    assert scene.step() is None
    assert scene.tracker.counters["faces_refused"] == 1
    scene.show(performer())
    assert scene.step() is not None


def test_a_step_back_in_time_starts_anew(scene: Scene) -> None:
    scene.frame = 100
    scene.step()
    scene.frame = 0
    assert scene.step() is not None
    assert scene.network.looks == 2


def test_grey_pictures_are_read(scene: Scene) -> None:
    frames = {camera: (image[..., 0].copy(), at_ns) for camera, (image, at_ns) in scene.world.frames(0).items()}
    scene.world.of = lambda image: scene.world.pictures["close"]  # type: ignore[method-assign]
    assert len(scene.tracker.step(frames)["close"]) == 1

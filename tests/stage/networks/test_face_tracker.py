from __future__ import annotations

import numpy as np
import pytest

from protocols.arrays import from_bytes
from protocols.messages import FaceLandmarks
from stage.networks.face_tracker import FaceTracker, inside_share
from stage.networks.head import find_head
from tests.stage.networks.scripted_close import (
    HEIGHT,
    WIDTH,
    FaceSeen,
    ScriptedFaces,
    World,
    face_points,
    pose,
    someone,
)

LEFT, RIGHT = (400.0, 300.0), (240.0, 300.0)


def face_of(points: np.ndarray) -> FaceSeen:
    """The face that belongs to a pose's head."""
    head = find_head(points)
    assert head is not None
    return FaceSeen(head.x, head.y, head.size)


class Scene:
    """People in cameras, their faces where their heads are."""

    def __init__(self, *cameras: str, views: int = 2, elsewhere: tuple[str, ...] = ()) -> None:
        self.world = World(*cameras)
        self.network = ScriptedFaces(self.world)
        self.tracker = FaceTracker(self.network, views=views, elsewhere=elsewhere)
        self.frame = 0
        self.people: dict[str, dict[str, np.ndarray]] = {
            camera: {"ann": pose(320.0, 240.0, left=LEFT, right=RIGHT)} for camera in cameras
        }

    def show_faces(self) -> None:
        for camera, people in self.people.items():
            self.world.pictures[camera].faces = [face_of(points) for points in people.values()]

    def step(self) -> dict[str, tuple[FaceLandmarks, ...]]:
        wanted = [
            someone(camera, points, self.frame, actor, track)
            for camera, people in self.people.items()
            for track, (actor, points) in enumerate(people.items())
        ]
        result = self.tracker.step(self.world.frames(self.frame), wanted)
        self.frame += 1
        return result


@pytest.fixture
def scene() -> Scene:
    scene = Scene("a")
    scene.show_faces()
    return scene


def test_a_face_is_read_where_the_head_is(scene: Scene) -> None:
    (face,) = scene.step()["a"]
    truth = face_points(face_of(scene.people["a"]["ann"]))
    np.testing.assert_allclose(from_bytes(face.points, (468, 3)), truth, atol=1e-3)
    assert (face.actor, face.track, face.score) == ("ann", 0, 1.0)


def test_eyes_of_small_faces_are_not_read(scene: Scene) -> None:
    (face,) = scene.step()["a"]
    assert find_head(scene.people["a"]["ann"]).size < 40.0 and face.eyes == b""  # type: ignore[union-attr]
    large = scene.people["a"]["ann"]
    large[:, :2] = 320.0 + 2.0 * (large[:, :2] - 320.0)
    scene.show_faces()
    assert len(scene.step()["a"][0].eyes) == 2 * 76 * 2 * 4


def test_tiny_faces_and_heads_turned_away_are_not_looked_at(scene: Scene) -> None:
    tiny = scene.people["a"]["ann"].copy()
    tiny[:, :2] = 320.0 + 0.5 * (tiny[:, :2] - 320.0)
    for points in (tiny, pose(320.0, 240.0, left=LEFT, right=RIGHT, turn=np.pi), np.zeros((33, 3), np.float32)):
        scene.people["a"]["ann"] = points
        assert scene.step() == {"a": ()}
    assert scene.network.crops == []


def test_the_most_frontal_views_are_read() -> None:
    scene = Scene("a", "b", "c", views=2)
    for camera, turn in {"a": 1.2, "b": 0.5, "c": -0.2}.items():
        scene.people[camera]["ann"] = pose(320.0, 240.0, left=LEFT, right=RIGHT, turn=turn)
    scene.show_faces()
    assert {camera for camera, faces in scene.step().items() if len(faces) > 0} == {"b", "c"}
    assert len(scene.network.crops) == 2


def test_actors_with_a_camera_of_their_own_are_not_looked_at() -> None:
    scene = Scene("a", elsewhere=("ann",))
    scene.show_faces()
    assert scene.step() == {"a": ()} and scene.network.crops == []


def test_the_region_follows_the_face_and_the_head(scene: Scene) -> None:
    """The face is 5 pixels off the pose's idea of it: the second look allows for that, and moves with the head."""
    scene.world.pictures["a"].faces[0].x += 5.0
    scene.step()
    scene.people["a"]["ann"][:, 0] += 30.0
    scene.world.pictures["a"].faces[0].x += 30.0
    scene.step()
    truth = scene.world.pictures["a"].faces[0]
    assert abs(scene.network.crops[0].region.x - (truth.x - 35.0)) == pytest.approx(0.0, abs=0.5)
    assert scene.network.crops[1].region.x == pytest.approx(truth.x, abs=1.0)


@pytest.mark.parametrize("fault", ["absent", "far", "large"])
def test_what_is_not_the_face_is_refused(scene: Scene, fault: str) -> None:
    face = scene.world.pictures["a"].faces[0]
    if fault == "absent":
        face.score = 0.2
    elif fault == "far":
        face.x += 0.7 * face.size
    else:
        face.size *= 1.8
    assert scene.step() == {"a": ()}
    assert scene.tracker.counters["faces_refused"] == 1
    scene.show_faces()
    assert len(scene.step()["a"]) == 1


def test_one_face_is_not_given_to_two_people() -> None:
    scene = Scene("a")
    scene.people["a"]["bob"] = scene.people["a"]["ann"] + np.array([8.0, 0.0, 0.0], np.float32)
    scene.world.pictures["a"].faces = [face_of(scene.people["a"]["bob"])]
    (face,) = scene.step()["a"]
    assert face.actor == "bob" and scene.tracker.counters["faces_merged"] == 1


def test_a_face_half_outside_scores_half() -> None:
    points = face_points(FaceSeen(0.0, 200.0, 100.0))
    assert inside_share(points, np.zeros((HEIGHT, WIDTH), np.uint8)) == pytest.approx(0.5, abs=0.02)


def test_heads_turn_tilt_and_size() -> None:
    size = None
    for turn in (0.0, 0.4, -0.9, 1.5):
        head = find_head(pose(320.0, 240.0, left=LEFT, right=RIGHT, turn=turn))
        assert head is not None
        assert head.frontal == pytest.approx(np.cos(turn), abs=0.05)
        size = size or head.size
        assert head.size == pytest.approx(size, rel=0.05)
    tilted = pose(320.0, 240.0, left=LEFT, right=RIGHT)
    c, s = np.cos(0.5), np.sin(0.5)
    tilted[:, :2] = tilted[:, :2] @ np.array([[c, s], [-s, c]], np.float32)
    head = find_head(tilted)
    assert head is not None and head.angle == pytest.approx(0.5, abs=1e-3)

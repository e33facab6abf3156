from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np
import pytest

from protocols.arrays import from_bytes
from protocols.messages import HAND_LANDMARK_COUNT
from protocols.names import BODY_LANDMARKS
from stage.config import ActorSection, CameraSection, Config, FaceSection, HandsSection
from stage.networks import load
from stage.networks.load import load_reader
from stage.networks.reader import LandmarkReader, Seen
from stage.networks.wanted import KNOWN_NS, Wanted
from tests.shared_data import shared_data
from tests.stage.networks.conftest import network_file
from tests.stage.networks.scripted_close import person

FRAME_NS = 33_333_333
WIDE = CameraSection(id="wide", source="device:0")
CLOSE = CameraSection(id="close", source="device:1", face_of="ann")
ACTORS = (ActorSection(id="ann"),)
POINTS = np.ones((33, 3), np.float32)


def clip(name: str, every: int = 1) -> Iterator[np.ndarray]:
    import av

    with av.open(str(shared_data("signing") / f"{name}.mkv")) as container:
        for k, frame in enumerate(container.decode(video=0)):
            if k % every == 0:
                yield frame.to_ndarray(format="bgr24")


def test_only_actors_are_wanted_once_they_are_known() -> None:
    wanted = Wanted()
    crowd = (person(POINTS, "", 0), person(POINTS, "", 1))
    assert [one.view for one in wanted.of({"a": (crowd, 0)})] == ["a/0", "a/1"]
    (ann,) = wanted.of({"a": ((*crowd, person(POINTS, "ann", 2)), FRAME_NS)})
    assert (ann.actor, ann.track, ann.view, ann.capture_ns) == ("ann", 2, "a", FRAME_NS)
    assert wanted.of({"a": (crowd, 2 * FRAME_NS)}) == []
    assert len(wanted.of({"a": (crowd, 2 * FRAME_NS + KNOWN_NS)})) == 2
    assert wanted.of({"a": ((), 0)}) == [] and wanted.of({}) == []


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the networks that are asked for."""
    names: list[str] = []

    def ensure(name: str):
        names.append(name)
        return network_file(name)

    monkeypatch.setattr(load, "ensure", ensure)
    return names


BODY = ["mediapipe-pose-detector", "mediapipe-pose"]
FACE = ["mediapipe-face", "mediapipe-eye"]


@pytest.mark.parametrize(
    ("config", "cameras", "needed"),
    [
        (Config(cameras=(WIDE,), actors=ACTORS), None, [*BODY, *FACE, "mediapipe-hand"]),
        (Config(cameras=(WIDE, CLOSE), actors=ACTORS), ["wide"], [*BODY, "mediapipe-hand"]),
        (Config(cameras=(WIDE, CLOSE), actors=ACTORS), ["close"], [*FACE, "mediapipe-face-detector"]),
        (Config(cameras=(CLOSE,), actors=ACTORS), None, [*FACE, "mediapipe-face-detector"]),
        (Config(cameras=(CLOSE,), actors=ACTORS, face=FaceSection(enabled=False)), None, []),
        (
            Config(cameras=(WIDE,), actors=ACTORS, hands=HandsSection(enabled=False), face=FaceSection(eyes=False)),
            None,
            [*BODY, "mediapipe-face"],
        ),
    ],
)
def test_no_network_is_loaded_that_no_camera_needs(
    loaded: list[str], config: Config, cameras: list[str] | None, needed: list[str]
) -> None:
    load_reader(config, cameras)
    assert sorted(loaded) == sorted(needed)


def test_a_reader_of_nothing_sees_nothing() -> None:
    reader = LandmarkReader()
    image = np.zeros((8, 8, 3), np.uint8)
    assert reader.step({"a": (image, 0)}) == {"a": Seen()}
    assert reader.step({}) == {} and reader.facts == {} and reader.counters == {}


def test_bodies_hands_and_faces_of_real_pictures() -> None:
    network_file("mediapipe-hand")
    reader = load_reader(Config(cameras=(WIDE,), actors=ACTORS, hands=HandsSection(alternate=False)))
    hands, faces, frames = {"left": 0, "right": 0}, 0, 0
    for k, image in enumerate(islice(clip("hungry"), 30)):
        seen = reader.step({"wide": (image, k * FRAME_NS)})["wide"]
        frames += 1
        faces += len(seen.faces)
        points = from_bytes(seen.persons[0].points, (33, 3))
        for hand in seen.hands:
            hands[hand.side] += 1
            wrist = from_bytes(hand.points, (HAND_LANDMARK_COUNT, 4))[0, :2]
            assert np.hypot(*(wrist - points[BODY_LANDMARKS.index(f"{hand.side}_wrist"), :2])) < 35.0
    assert faces == frames
    assert hands["left"] == frames and hands["right"] > 0.7 * frames
    assert reader.facts["hands"] == "mediapipe-hand" and float(reader.facts["ms per face"]) > 0.0


def test_a_hand_behind_the_other_does_not_claim_it() -> None:
    """In this clip, hands are laid on each other, and one hides the other for long."""
    network_file("mediapipe-hand")
    reader = load_reader(Config(cameras=(WIDE,), actors=ACTORS, hands=HandsSection(alternate=False)))
    both = 0
    for k, image in enumerate(clip("book", every=3)):
        seen = reader.step({"wide": (image, 3 * k * FRAME_NS)})["wide"]
        places = [from_bytes(hand.points, (HAND_LANDMARK_COUNT, 4))[:, :2] for hand in seen.hands]
        if len(places) == 2:
            both += 1
            assert np.hypot(*(places[0] - places[1]).T).mean() > 8.0  # a palm is about 45 pixels wide
    assert both > 5


def test_a_face_camera_is_read_no_faster_than_asked() -> None:
    reader = LandmarkReader(face_camera_ids=["face"], face_rate=30.0)
    image = np.zeros((8, 8, 3), np.uint8)
    times = [round(k * 1e9 / 60) for k in range(8)]
    read = [ns for ns in times if "face" in reader.step({"face": (image, ns)})]
    assert read == times[::2]

from __future__ import annotations

import numpy as np
import pytest

from protocols.arrays import from_bytes, to_bytes
from protocols.messages import HandLandmarks, Prediction
from stage.networks.hand_tracker import HandTracker
from stage.networks.regions import Region
from tests.stage.networks.scripted_close import (
    FRAME_NS,
    HandSeen,
    ScriptedHands,
    World,
    hand_points,
    pose,
    someone,
)

LEFT, RIGHT = (400.0, 300.0), (240.0, 300.0)


class Scene:
    """One person with two hands in some cameras, and a tracker that looks at them."""

    def __init__(self, *cameras: str, alternate: bool = False, views: int = 2) -> None:
        self.world = World(*cameras)
        self.network = ScriptedHands(self.world)
        self.tracker = HandTracker(self.network, views=views, alternate=alternate)
        self.frame = 0
        self.wrists: dict[str, tuple[tuple[float, float] | None, tuple[float, float] | None]] = {}
        for camera in cameras:
            self.place(camera, LEFT, RIGHT)

    def place(
        self,
        camera: str,
        left: tuple[float, float] | None,
        right: tuple[float, float] | None,
        hands: str = "left right",
    ) -> None:
        """Put wrists and hands; of `hands`, the first named is in front."""
        self.wrists[camera] = (left, right)
        places = {"left": left, "right": right}
        seen = [HandSeen(*at, side) for side in hands.split() if (at := places[side]) is not None]
        self.world.pictures[camera].hands = seen

    def step(self, *predictions: Prediction, actor: str = "ann") -> dict[str, tuple[HandLandmarks, ...]]:
        people = [
            someone(camera, pose(320.0, 240.0, left=left, right=right), self.frame, actor)
            for camera, (left, right) in self.wrists.items()
        ]
        result = self.tracker.step(self.world.frames(self.frame), people, predictions)
        self.frame += 1
        return result

    def sides(self) -> dict[str, list[str]]:
        return {camera: [hand.side for hand in hands] for camera, hands in self.step().items()}


@pytest.fixture
def scene() -> Scene:
    return Scene("a")


def test_both_hands_are_read_where_they_are(scene: Scene) -> None:
    scene.step()
    hands = {hand.side: hand for hand in scene.step()["a"]}
    assert set(hands) == {"left", "right"}
    for side, at in (("left", LEFT), ("right", RIGHT)):
        points = from_bytes(hands[side].points, (21, 4))
        np.testing.assert_allclose(points[:, :2], hand_points(HandSeen(*at, side)), atol=1e-3)
        assert hands[side].score == pytest.approx(0.95) and (points[:, 3] > 0.8).all()
        assert hands[side].actor == "ann" and len(hands[side].world) == 21 * 3 * 4


def test_hands_take_turns() -> None:
    scene = Scene("a", "b", alternate=True)
    sides = [scene.sides() for _ in range(6)]
    assert all(seen["a"] == seen["b"] and len(seen["a"]) == 1 for seen in sides)
    assert [seen["a"][0] for seen in sides] == ["left", "right"] * 3
    assert len(scene.network.crops) == 12


def test_a_single_hand_has_every_turn() -> None:
    scene = Scene("a", alternate=True)
    scene.place("a", LEFT, None)
    assert [scene.sides()["a"] for _ in range(4)] == [["left"]] * 4


def test_only_the_best_views_are_read() -> None:
    scene = Scene("a", "b", "c", views=1)
    assert sum(len(hands) for hands in scene.step().values()) == 2
    assert len(scene.network.crops) == 2


def test_a_hand_out_of_sight_yields_nothing_and_comes_back(scene: Scene) -> None:
    scene.step()
    scene.world.pictures["a"].hands.pop(0)
    assert [scene.sides()["a"] for _ in range(5)] == [["right"]] * 5
    assert scene.tracker.counters["hands_refused"] == 5
    scene.place("a", LEFT, RIGHT)
    assert scene.sides()["a"] == ["left", "right"]


@pytest.mark.parametrize("front", ["left", "right"])
def test_a_hidden_hand_does_not_claim_the_one_before_it(scene: Scene, front: str) -> None:
    scene.step()
    back = "right" if front == "left" else "left"
    both = (320.0, 300.0)
    scene.place("a", both, (both[0] + 3.0, both[1]), hands=front)
    seen = [scene.sides()["a"] for _ in range(10)]
    assert all(back not in sides for sides in seen)
    assert seen[-1] == [front]


def test_hands_that_cross_keep_their_sides(scene: Scene) -> None:
    for k in range(41):
        shift = 4.0 * k
        scene.place("a", (LEFT[0] - shift, 300.0), (RIGHT[0] + shift, 300.0), hands="left right")
        for hand in scene.step()["a"]:
            points = from_bytes(hand.points, (21, 4))
            at = scene.wrists["a"][0 if hand.side == "left" else 1]
            assert at is not None and np.hypot(*(points[0, :2] - at)) < 1.0
    assert scene.sides()["a"] == ["left", "right"]


def test_a_hand_of_the_wrong_side_is_refused(scene: Scene) -> None:
    # The pose has confused left and right; what the network sees says so.
    scene.world.pictures["a"].hands = [HandSeen(*LEFT, "right"), HandSeen(*RIGHT, "left")]
    assert [scene.sides()["a"] for _ in range(3)] == [[]] * 3


def test_a_hand_far_from_its_wrist_is_refused(scene: Scene) -> None:
    scene.world.pictures["a"].hands = [HandSeen(LEFT[0], LEFT[1] - 28.0, "left")]
    assert scene.sides()["a"] == []


def test_points_of_a_hand_off_its_wrist_are_less_certain(scene: Scene) -> None:
    def confidence(off: float) -> float:
        scene.world.pictures["a"].hands = [HandSeen(LEFT[0] + off, LEFT[1], "left")]
        return float(from_bytes(scene.step()["a"][0].points, (21, 4))[0, 3])

    values = [confidence(off) for off in (0.0, 8.0, 16.0)]
    assert values == sorted(values, reverse=True) and values[2] < 0.8 * values[0]


def test_a_hand_is_followed_where_the_pose_places_it_badly(scene: Scene) -> None:
    """The last landmarks, carried along with the wrist, are where the next look is centred."""
    off = 14.0
    for k in range(6):
        x = LEFT[0] - 25.0 * k
        scene.wrists["a"] = ((x, 300.0), RIGHT)
        scene.world.pictures["a"].hands = [HandSeen(x + off, 300.0, "left")]
        scene.network.crops.clear()
        scene.step()
        if k > 0:
            region = min((crop.region for crop in scene.network.crops), key=lambda region: abs(region.x - x))
            middle = hand_points(HandSeen(x + off, 300.0, "left"))[[0, 9], 0].mean()
            assert abs(region.x - middle) < 3.0


def prediction(frame: int, left: tuple[float, float], right: tuple[float, float], camera: str = "a") -> Prediction:
    points = np.stack([hand_points(HandSeen(*left, "left")), hand_points(HandSeen(*right, "right"))])
    return Prediction("ann", frame * FRAME_NS, {}, {camera: to_bytes(points)})


def left_region(scene: Scene) -> Region:
    """Where the left hand was looked for in the last step."""
    return max((crop.region for crop in scene.network.crops[-2:]), key=lambda region: region.x)


def test_the_prediction_says_where_to_look(scene: Scene) -> None:
    scene.step()
    near = (LEFT[0] + 10.0, LEFT[1])
    scene.step(prediction(1, near, RIGHT))
    assert abs(left_region(scene).x - near[0]) < 5.0


def test_a_hand_not_read_before_is_looked_for_at_the_arm(scene: Scene) -> None:
    scene.step(prediction(0, (LEFT[0] + 15.0, LEFT[1]), RIGHT))
    assert abs(left_region(scene).x - LEFT[0]) < 5.0


def test_a_prediction_away_from_the_wrist_is_not_followed(scene: Scene) -> None:
    scene.step()
    far = (LEFT[0] + 150.0, LEFT[1])
    assert [hand.side for hand in scene.step(prediction(1, far, RIGHT))["a"]] == ["left", "right"]


def test_the_other_predicted_hand_is_refused(scene: Scene) -> None:
    """Both wrists of the pose are on the right hand; the solver knows where the left one is."""
    scene.place("a", (RIGHT[0] + 16.0, RIGHT[1]), RIGHT, hands="right")
    scene.world.pictures["a"].hands[0].score = 0.9
    seen = scene.step(prediction(0, (RIGHT[0] + 30.0, RIGHT[1]), RIGHT))["a"]
    assert [hand.side for hand in seen] == ["right"]


def test_broken_predictions_are_ignored(scene: Scene) -> None:
    broken = Prediction("ann", 0, {}, {"a": b"\0" * 7})
    nan = Prediction("ann", 0, {}, {"a": to_bytes(np.full((2, 21, 2), np.nan))})
    assert [hand.side for hand in scene.step(broken, nan)["a"]] == ["left", "right"]


def test_tiny_hands_are_not_looked_at() -> None:
    scene = Scene("a")
    points = pose(320.0, 240.0, left=LEFT, right=RIGHT)
    points[:, :2] = 320.0 + 0.2 * (points[:, :2] - 320.0)
    scene.tracker.step(scene.world.frames(0), [someone("a", points, 0)])
    assert scene.network.crops == []


def test_nobody_and_nothing_is_no_trouble() -> None:
    scene = Scene("a")
    assert scene.tracker.step({}, []) == {}
    assert scene.tracker.step(scene.world.frames(0), []) == {"a": ()}
    blank = np.zeros((33, 3), np.float32)
    assert scene.tracker.step(scene.world.frames(1), [someone("a", blank, 1)]) == {"a": ()}


def test_two_people_do_not_claim_one_hand(scene: Scene) -> None:
    scene.world.pictures["a"].hands = [HandSeen(320.0, 300.0, "right")]
    people = [
        someone("a", pose(270.0, 240.0, left=None, right=(320.0, 300.0)), 0, "ann", 0),
        someone("a", pose(370.0, 240.0, left=None, right=(326.0, 300.0)), 0, "bob", 1),
    ]
    hands = scene.tracker.step(scene.world.frames(0), people)["a"]
    assert [hand.actor for hand in hands] == ["ann"]
    assert scene.tracker.counters["hands_claimed_twice"] == 1

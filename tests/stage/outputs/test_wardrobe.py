from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace

from protocols.messages import Performance
from stage.outputs import humanoid
from stage.outputs.rig_rotations import rig_rotations
from stage.outputs.vmc_stream import VmcStream
from stage.outputs.wardrobe import Wardrobe
from tests.sections import output_section
from tests.stage.outputs.faces import any_face, face_performance
from tests.stage.outputs.performers import random_pose

START_NS = 1_700_000_000_000_000_000


def bodies(count: int) -> list[Performance]:
    return [
        replace(random_pose(number, capture_ns=START_NS + number * 10**7).performance, face=any_face(number))
        for number in range(count)
    ]


def test_the_same_clothes_are_one_humanoid_and_others_are_not() -> None:
    wardrobe = Wardrobe()
    first = output_section("vmc", actor="anna")
    assert wardrobe.humanoid(first) is wardrobe.humanoid(replace(first, blends=("vrm0",), rate=30.0, port=1))
    for other in ({"actor": "ben"}, {"positions": "hips"}, {"travel": "performer"}, {"jaw": "open"}):
        assert wardrobe.humanoid(first) is not wardrobe.humanoid(replace(first, **other))


def test_streams_that_share_send_what_they_would_send_alone() -> None:
    wardrobe = Wardrobe()
    sections = [output_section("vmc", actor="anna", blends=(blends,)) for blends in ("arkit", "vrm0")]
    shared = [VmcStream(section, wardrobe) for section in sections]
    alone = [VmcStream(section) for section in sections]
    for number, body in enumerate(bodies(6)):
        face = face_performance(any_face(100 + number), capture_ns=body.capture_ns)
        for ours, its_own in zip(shared, alone, strict=True):
            assert [bytes(d) for d in ours.frame(body, 0)] == [bytes(d) for d in its_own.frame(body, 0)]
        for ours, its_own in zip(shared, alone, strict=True):
            is_alone = number % 2 == 0
            mine, expected = ours.face(face, 0, alone=is_alone), its_own.face(face, 0, alone=is_alone)
            assert [bytes(d) for d in mine] == [bytes(d) for d in expected]


def test_a_slow_stream_is_not_moved_by_what_a_fast_one_has_seen() -> None:
    wardrobe = Wardrobe()
    section = output_section("vmc", actor="anna")
    fast, slow, alone = VmcStream(section, wardrobe), VmcStream(section, wardrobe), VmcStream(section)
    for number, body in enumerate(bodies(9)):
        fast.frame(body, 0)
        if number % 3 == 0:
            ours, its_own = (np.concatenate([_floats(d) for d in s.frame(body, 0)]) for s in (slow, alone))
            np.testing.assert_allclose(np.abs(ours), np.abs(its_own), atol=1e-6)  # the signs of quaternions are free


def test_who_comes_together_is_posed_together_while_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    wardrobe, taken = Wardrobe(), []
    worn = {actor: wardrobe.humanoid(output_section("vmc", actor=actor)) for actor in ("anna", "ben")}
    monkeypatch.setattr(humanoid, "rig_rotations", lambda body: taken.append(body.actor) or rig_rotations(body))

    def come(number: int, *asked: str) -> list[str]:
        taken.clear()
        bodies = [random_pose(number, actor=actor).performance for actor in worn]
        wardrobe.announce(bodies)
        for body in bodies:
            if body.actor in asked:
                np.testing.assert_array_equal(worn[body.actor].pose(body), worn[body.actor].pose(body))
        return [*taken]

    assert come(0, "anna", "ben") == ["anna", "ben"]
    assert come(1, "anna") == ["anna", "ben"]
    assert come(2, "anna") == ["anna"]  # nobody has asked for ben's last time
    assert come(3, "anna", "ben") == ["anna", "ben"]


def test_what_was_announced_and_not_asked_for_is_forgotten() -> None:
    wardrobe = Wardrobe()
    anna, ben = (wardrobe.humanoid(output_section("vmc", actor=actor)) for actor in ("anna", "ben"))
    early, late = ([random_pose(seed, actor=actor).performance for actor in ("anna", "ben")] for seed in (1, 2))
    for body, of in zip(early, (anna, ben), strict=True):
        of.pose(body)
    wardrobe.announce(early)
    posed = anna.pose(late[0]).copy()
    ben.pose(late[1])
    np.testing.assert_array_equal(anna.pose(late[0]), posed)


def _floats(datagram: memoryview) -> np.ndarray:
    return np.nan_to_num(np.frombuffer(datagram, ">f4").astype(np.float64), posinf=0.0, neginf=0.0)

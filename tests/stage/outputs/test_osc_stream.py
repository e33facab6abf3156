"""The plain OSC stream: every address of docs/osc.md and no other, in the axes and names that are asked for."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from protocols import osc
from protocols.axes import UNITY_FROM_WORLD, UNREAL_FROM_WORLD
from protocols.errors import EncodeError
from protocols.names import ARKIT_SHAPES
from protocols.plain_osc import DayTime
from stage.config import TimecodeSection
from stage.outputs.manny import MANNY_BONES, Manny
from stage.outputs.osc_stream import PlainOscStream
from stage.outputs.world_pose import WORLD_BONES, WorldPose
from stage.timecode import TimecodeClock
from tests.sections import output_section
from tests.stage.outputs.faces import any_face, face, face_performance
from tests.stage.outputs.performers import pose, random_pose

START_NS = 1_700_000_000_000_000_000
DOCS = Path(__file__).parents[3] / "docs" / "osc.md"


def stream(timecode: TimecodeClock | None = None, **options: Any) -> PlainOscStream:
    return PlainOscStream(output_section("osc", actor="anna", **options), "anna", timecode)


def flat(datagrams: Any) -> list[osc.Message]:
    return [message for datagram in datagrams for message in osc.messages(osc.parse(bytes(datagram)))]


def whole(of: PlainOscStream, seed: int = 1, now_ns: int = START_NS) -> list[osc.Message]:
    performance = random_pose(seed, capture_ns=START_NS).performance
    return flat(of.frame(replace(performance, face=any_face(seed)), now_ns))


def by_name(messages: list[osc.Message]) -> dict[str, NDArray[np.float32]]:
    return {m.address.removeprefix("/stage/anna/"): np.array(m.arguments, np.float32) for m in messages}


def documented(heading: str) -> list[list[str]]:
    """The cells of the table below a heading of docs/osc.md, without its head."""
    section = DOCS.read_text().split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


@pytest.mark.parametrize("names", ["rig", "manny"])
def test_the_table_of_addresses_is_complete_and_right(names: str) -> None:
    bones = [re.sub(r"`", "", row[0]) for row in documented("Bones") if row[["", "rig", "manny"].index(names)] == "yes"]
    expected = []
    for row in documented("Addresses"):
        address, tags = (cell.strip("`") for cell in row[:2])
        for placeholder, values in (("<bone>", bones), ("<shape>", ARKIT_SHAPES)):
            if placeholder in address:
                expected += [(address.replace(placeholder, value), tags) for value in values]
                break
        else:
            expected.append((address, tags))
    sent = [(message.address, message.tags) for message in whole(stream(names=names))]
    assert sorted(sent) == sorted((address.replace("<actor>", "anna"), tags) for address, tags in expected)
    assert sent[-1] == ("/stage/anna/face/time", "ffff")


def test_every_name_of_a_shape_is_documented() -> None:
    assert all(name in DOCS.read_text() for name in ARKIT_SHAPES)


def test_the_frame_is_the_world_pose_and_its_time_is_the_capture() -> None:
    posed = random_pose(2, actor="anna", capture_ns=START_NS)
    values = by_name(flat(stream().frame(posed.performance, START_NS + 50_000_000)))
    rig = WorldPose().bones(posed.performance)
    np.testing.assert_array_equal([values[f"bone/{name}"] for name in WORLD_BONES], rig[1:])
    np.testing.assert_array_equal(values["root"], rig[0, :7])
    np.testing.assert_allclose(values["root"][:3], posed.joints[0], atol=1e-6)
    second, fraction = values["time"][:2].tolist()
    assert DayTime(second, fraction).age_ns(START_NS + 50_000_000) == pytest.approx(50_000_000, abs=1000)


@pytest.mark.parametrize(
    ("axes", "change", "up", "left"),
    [
        ("unreal", UNREAL_FROM_WORLD, (0.0, 0.0, 1.0), (1.0, 0.0, 0.0)),
        ("unity", UNITY_FROM_WORLD, (0.0, 1.0, 0.0), (-1.0, 0.0, 0.0)),
    ],
)
def test_axes(axes: str, change: Any, up: tuple[float, ...], left: tuple[float, ...]) -> None:
    sent, plain = by_name(whole(stream(axes=axes))), by_name(whole(stream()))
    for name, values in plain.items():
        expected = values.copy()
        if name == "root" or name.startswith("bone/"):
            expected[:3], expected[3:7] = change.positions(values[:3]), change.rotations(values[3:7])
        elif name == "head" or name.startswith("eye/"):
            expected[:4] = change.rotations(values[:4])
        np.testing.assert_allclose(sent[name], expected, atol=1e-5)
    # And what it means: the head is up, the left hand is to the left.
    at_rest = by_name(flat(stream(axes=axes).frame(pose().performance, 0)))
    assert at_rest["bone/head"][:3] @ up > 1.4 * (100.0 if axes == "unreal" else 1.0)
    assert (at_rest["bone/hand_l"] - at_rest["bone/hand_r"])[:3] @ left > 0.5 * (100.0 if axes == "unreal" else 1.0)


def test_names_of_manny() -> None:
    performance = random_pose(3).performance
    values = by_name(flat(stream(names="manny").frame(performance, 0)))
    expected = Manny().bones(WorldPose().bones(performance))
    np.testing.assert_array_equal([values[f"bone/{name}"] for name in MANNY_BONES], expected)


def test_rotations_from_the_t_pose() -> None:
    performance = random_pose(3).performance
    values = by_name(flat(stream(rest="t-pose").frame(performance, 0)))
    expected = WorldPose(t_pose=True).bones(performance)
    np.testing.assert_array_equal([values[f"bone/{name}"] for name in WORLD_BONES], expected[1:])


def test_the_face_follows_the_body_and_is_the_same_alone() -> None:
    together = whole(stream())
    alone = flat(stream().face(face_performance(any_face(1), capture_ns=START_NS), START_NS, alone=True))
    assert together[-len(alone) :] == alone
    values = by_name(alone)
    shapes = np.array([values[f"shape/{name}"] for name in ARKIT_SHAPES])
    np.testing.assert_array_equal(shapes[:, 0], np.frombuffer(any_face(1).shapes, "<f4"))
    np.testing.assert_array_equal(shapes[:, 1], np.frombuffer(any_face(1).confidence, "<f4"))
    np.testing.assert_allclose(values["eye/left"][4:], (0.2, -0.1), atol=1e-7)
    assert values["face/state"] == 3.0


def test_eyes_turn_to_where_the_gaze_says() -> None:
    values = by_name(flat(stream().face(face_performance(face(gaze=((0.3, 0.0), (0.2, 0.4)))), 0, alone=True)))
    turns = [values[f"eye/{side}"][:4] for side in ("left", "right")]
    left, right = Rotation.from_quat(turns).apply([0.0, -1.0, 0.0])
    np.testing.assert_allclose(left, (np.sin(0.3), -np.cos(0.3), 0.0), atol=1e-7)  # the left hand is at +X
    assert right[2] == pytest.approx(np.sin(0.4))
    assert np.arctan2(right[0], -right[1]) == pytest.approx(0.2)


def test_places_beyond_all_bounds_are_refused() -> None:
    joints = np.full((53, 3), np.inf, "<f4").tobytes()
    with pytest.raises(EncodeError, match="not finite"):
        stream(names="manny").frame(replace(random_pose(1).performance, joints=joints), 0)


def test_timecode_is_that_of_the_capture() -> None:
    clock = TimecodeClock(TimecodeSection(rate="25", zone="utc", source="start", offset="10:00:00:00"), START_NS)
    performance = random_pose(1, capture_ns=START_NS + 2_080_000_000).performance
    sent = by_name(flat(stream(clock).frame(replace(performance, face=any_face()), START_NS + 9_000_000_000)))
    for name in ("timecode", "face/timecode"):
        np.testing.assert_allclose(sent[name], (10.0, 0.0, 2.0, 2.0, 25.0, 0.0, 0.0), atol=1e-6)


def test_every_datagram_is_small() -> None:
    choices: list[dict[str, Any]] = [{}, {"names": "manny", "axes": "unreal"}]
    for options in choices:
        section = output_section("osc", actor="a" * 32, **options)
        performance = replace(random_pose(1).performance, face=any_face())
        assert all(len(datagram) <= 1200 for datagram in PlainOscStream(section, "a" * 32).frame(performance, 0))
